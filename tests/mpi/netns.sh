# Source this: several nodes on one machine, as network namespaces.
#
#   nodes_alone "$@"    restarts the script in namespaces of its own
#   nodes_make N        creates node1 to nodeN, with a network between them
#   nodes_networks N COUNT
#                       adds networks between node1 to nodeN, which MPI does not use
#   nodes_use NODE:SLOTS...
#                       selects the nodes of later jobs; mpirun runs on the
#                       first. $nodes_in_turn are options of mpirun that put
#                       PEs on the nodes in turn
#
# The nodes, their names, their network and the hosts file are visible only inside.
# They disappear with the last process, which ends with the script. Programs on
# other nodes do not inherit the environment.
nodes_network=10.55.7

skip()
{
    echo "1..0 # SKIP $1"
    exit 0
}

nodes_alone()
{
    [ -z "$MEMHEAP_TEST_ALONE" ] || return 0
    command -v ip >/dev/null || skip "there is no ip (of iproute2)"
    command -v unshare >/dev/null || skip "there is no unshare (of util-linux)"
    own="--mount --net --uts --pid --fork --kill-child --mount-proc"
    [ "$(id -u)" = 0 ] || own="--user --map-root-user $own"
    # shellcheck disable=SC2086 # they are words
    unshare $own true 2>/dev/null ||
        skip "no namespaces can be made: that takes root, or user namespaces"
    MEMHEAP_TEST_ALONE=yes
    export MEMHEAP_TEST_ALONE
    # shellcheck disable=SC2086
    unshare $own /bin/sh "$0" "$@" &
    child=$!
    # Its only signal is SIGKILL; all processes inside end with it.
    trap 'kill -KILL $child' HUP INT TERM
    wait $child
    exit $?
}

# The hosts file, and a script that enters a node as ssh would.
nodes_files()
{
    cat /etc/hosts >/run/hosts
    i=0
    while [ $i -lt "$1" ]; do
        i=$((i + 1))
        echo "$nodes_network.$i node$i" >>/run/hosts
    done
    mount --bind /run/hosts /etc/hosts
    cat >/run/enter <<'END'
#!/bin/sh
# enter NODE COMMAND...
node=$1
shift
core=$(((${node#node} - 1) % CORES))
exec taskset --cpu-list "$core" ip netns exec "$node" \
    unshare --uts --ipc --pid --fork --kill-child --mount-proc \
    sh -c 'hostname "$0" && exec "$@"' "$node" "$@"
END
    cat >/run/agent <<'END'
#!/bin/sh
# agent NODE WORD...: the words are a shell command
node=$1
shift
exec env -i PATH="$PATH" HOME="$HOME" TMPDIR=/run/tmp ASAN_OPTIONS="$ASAN_OPTIONS" \
    /run/enter "$node" sh -c "$*"
END
    cat >/run/mpirun <<END
#!/bin/sh
exec /run/enter "\$(sed -n '1s/ .*//p' /run/nodes)" $MPIRUN "\$@"
END
    sed -i "s/CORES/$(nproc)/" /run/enter
    chmod +x /run/enter /run/agent /run/mpirun
}

nodes_make()
{
    {
        mount -t tmpfs tmpfs /run && mkdir /run/tmp &&
            mount -t tmpfs tmpfs /dev/shm && nodes_files "$1" &&
            ip link set lo up && ip link add name nodes type bridge &&
            ip link set nodes up
    } || skip "there is no bridge between network namespaces here"
    i=0
    while [ $i -lt "$1" ]; do
        i=$((i + 1))
        {
            ip netns add node$i && ip -n node$i link set lo up &&
                ip link add port$i type veth peer name eth0 netns node$i &&
                ip link set port$i master nodes up &&
                ip -n node$i addr add $nodes_network.$i/24 dev eth0 &&
                ip -n node$i link set eth0 up
        } || skip "there is no veth between network namespaces here"
    done
    MPIRUN=/run/mpirun
    # With it, Open MPI 5 does not go by the slots of nodes.
    oversubscribe=
    nodes_in_turn="--map-by node"
    # There, "node" numbers PEs wrongly if nodes have different slots.
    [ "${openmpi_version-}" != 5 ] || nodes_in_turn="--map-by seq:file=/run/turns"
    TMPDIR=/run/tmp
    export TMPDIR
    # The PEs of a node share a core, which mpirun does not know.
    OMPI_MCA_mpi_yield_when_idle=1
    OMPI_MCA_btl_tcp_if_include=$nodes_network.0/24
    export OMPI_MCA_mpi_yield_when_idle OMPI_MCA_btl_tcp_if_include
    # Settings of mpirun: of Open MPI 4 | of PRRTE, which Open MPI 5 uses | value
    while IFS='|' read -r old new value; do
        export "OMPI_MCA_$old=$value" "PRTE_MCA_$new=$value"
    done <<END
plm_rsh_agent|plm_ssh_agent|/run/agent
oob_tcp_if_include|prte_if_include|$nodes_network.0/24
orte_default_hostfile|prte_default_hostfile|/run/nodes
hwloc_base_binding_policy|hwloc_default_binding_policy|none
END
}

nodes_use()
{
    for word in "$@"; do
        echo "${word%:*} slots=${word#*:}"
    done >/run/nodes
    for turn in 1 2 3 4; do
        for word in "$@"; do
            [ "${word#*:}" -lt $turn ] || echo "${word%:*}"
        done
    done >/run/turns
}

nodes_networks()
{
    for network in $(seq "$2"); do
        for i in $(seq "$1"); do
            ip link add port$i-$network type veth peer name "other$network" netns node$i &&
                ip link set port$i-$network master nodes up &&
                ip -n node$i addr add 10.66.$network.$i/24 dev "other$network" &&
                ip -n node$i link set "other$network" up || return
        done
    done
}
