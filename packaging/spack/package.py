# Builds memheap with Spack. make release writes a copy with the checksum of the
# tarball. Put the copy into packages/memheap/ of a Spack repository, the tarball into
# the current folder, and run: spack install memheap
import os

from spack_repo.builtin.build_systems.autotools import AutotoolsPackage

from spack.package import *


class Memheap(AutotoolsPackage):
    """A symmetric heap for PGAS programs, with a whole OpenSHMEM 1.6 on top and a
    choice of allocators behind it."""

    url = f"file://{os.getcwd()}/memheap-0.1.0.tar.xz"
    manual_download = True

    license("BSD-3-Clause")

    version("0.1.0", sha256="@sha256@")

    variant("mpi", default=True, description="OpenSHMEM, and heaps over communicators")
    variant("fortran", default=True, when="+mpi", description="OpenSHMEM for Fortran")
    variant("tools", default=True, description="Programs that read traces and reports")
    variant(
        "openmpi_component",
        default=False,
        when="+mpi",
        description="Component for the OpenSHMEM of Open MPI 4.1",
    )

    depends_on("c", type="build")
    depends_on("cxx", type="build", when="+mpi")
    depends_on("fortran", type="build", when="+fortran")
    depends_on("gmake", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("mpi@3:", when="+mpi")
    depends_on("ucx@1.10:", when="+mpi")
    depends_on("openmpi@4.1", when="+openmpi_component")
    depends_on("xz", when="+tools")
    depends_on("jansson@2.4:", when="+tools")
    # The library starts these programs for reports and traces.
    depends_on("binutils", type="run")
    depends_on("xz", type="run")
    depends_on("check", type="test")

    requires("%fortran=gcc", when="+fortran", msg="the Fortran interface needs gfortran")
    conflicts("platform=darwin", msg="memheap needs Linux with glibc")
    conflicts("platform=windows", msg="memheap needs Linux with glibc")

    # oshfort starts the compiler, which is a wrapper of Spack's during the build.
    filter_compiler_wrappers("oshfort", relative_root="bin")

    def configure_args(self):
        spec = self.spec
        args = self.with_or_without("mpi")
        args += self.with_or_without("fortran")
        args += self.with_or_without("lzma", variant="tools")
        args += self.with_or_without("jansson", variant="tools")
        args += self.with_or_without("openmpi-component", variant="openmpi_component")
        args.append(f"ADDR2LINE={spec['binutils'].prefix.bin.join('addr2line')}")
        args.append(f"XZ={spec['xz'].prefix.bin.xz}")
        if spec.satisfies("+mpi"):
            args.append(f"MPICC={spec['mpi'].mpicc}")
        return args
