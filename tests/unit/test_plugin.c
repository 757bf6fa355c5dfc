/*
 * Plug-ins. The tests keep a plug-in loaded themselves, so that its counters
 * survive the framework's use of it.
 */
#include "config.h"

#include "tests/unit/unit.h"
#include "tests/unit/plugin.h"
#include <memheap/memheap.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Where libtool puts them. */
#define PLUGIN_FOLDER UNIT_FOLDER "/" LT_OBJDIR
#define ALPHA PLUGIN_FOLDER "plugin_alpha.so"
#define BETA PLUGIN_FOLDER "plugin_beta.so"
#define ALPHA_TWIN PLUGIN_FOLDER "plugin_alpha_twin.so"
#define OTHER_ABI PLUGIN_FOLDER "plugin_other_abi.so"
#define NO_SYMBOL PLUGIN_FOLDER "plugin_no_symbol.so"

static unit_log_t test_log;
static memheap_framework_t framework;
static void *alpha_handle;
static void *beta_handle;
static plugin_control_t *alpha;
static plugin_control_t *beta;

static plugin_control_t *load(const char *path, void **handle_p)
{
    *handle_p = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(*handle_p != NULL, "%s", dlerror());
    plugin_control_t *control = dlsym(*handle_p, "plugin_control");
    ck_assert_ptr_nonnull(control);
    *control = (plugin_control_t){.open_status = MEMHEAP_OK};
    return control;
}

static void setup(void)
{
    unit_log_init(&test_log);
    alpha = load(ALPHA, &alpha_handle);
    beta = load(BETA, &beta_handle);
}

static void teardown(void)
{
    dlclose(alpha_handle);
    dlclose(beta_handle);
}

static memheap_status_t open_framework(const char *plugin_path)
{
    memheap_framework_config_t config = {.log = &test_log.log};
    setenv("MEMHEAP_PLUGIN_PATH", plugin_path, 1);
    return memheap_framework_open(&framework, &config);
}

static memheap_status_t select_module(memheap_module_t **module_p)
{
    memheap_module_config_t config = {
        .size = MIB, .max_size = MIB, .memory = &memheap_memory_system};
    return memheap_framework_select(&framework, &config, module_p);
}

/* Open, select and close. The name of the selected component stays valid,
 * since the plug-in stays loaded. */
static const char *chosen_of(const char *plugin_path)
{
    memheap_module_t *module;
    ck_assert_ok(open_framework(plugin_path));
    ck_assert_ok(select_module(&module));
    const char *name = framework.selected->name;
    module->ops->destroy(module);
    memheap_framework_close(&framework);
    return name;
}

static const memheap_known_t *find(const char *name)
{
    for (size_t i = 0; i < memheap_framework_count(&framework); i++) {
        const memheap_known_t *known = &framework.registry->known[i];
        if (strcmp(known->component->name, name) == 0)
            return known;
    }
    return NULL;
}

START_TEST(plugin_is_opened_from_a_file)
{
    ck_assert_ok(open_framework(ALPHA));
    ck_assert_ptr_nonnull(find("alpha"));
    ck_assert_ptr_nonnull(find("alpha")->plugin);
    ck_assert_ptr_null(find("beta"));
    ck_assert_uint_eq(test_log.count, 0);
    memheap_framework_close(&framework);
}
END_TEST

START_TEST(plugins_are_opened_from_a_folder)
{
    ck_assert_ok(open_framework(PLUGIN_FOLDER));
    ck_assert_ptr_nonnull(find("alpha"));
    ck_assert_ptr_nonnull(find("beta"));
    memheap_framework_close(&framework);
}
END_TEST

START_TEST(path_has_several_entries)
{
    ck_assert_ok(open_framework(":" BETA "::" ALPHA ":"));
    ck_assert_ptr_nonnull(find("alpha"));
    ck_assert_ptr_nonnull(find("beta"));
    memheap_framework_close(&framework);
}
END_TEST

START_TEST(built_in_components_stay)
{
    ck_assert_ok(open_framework(ALPHA));
    for (int i = 0; i < (int)unit_component_count(); i++)
        ck_assert_ptr_nonnull(find(unit_component_name(i)));
    ck_assert_ptr_nonnull(find("alpha"));
    memheap_framework_close(&framework);
}
END_TEST

START_TEST(unused_plugin_is_unloaded)
{
    dlclose(alpha_handle);
    ck_assert_ok(open_framework(ALPHA));
    ck_assert_ptr_nonnull(find("alpha"));
    memheap_framework_close(&framework);
    ck_assert_ptr_null(dlopen(ALPHA, RTLD_NOW | RTLD_NOLOAD));
    alpha = load(ALPHA, &alpha_handle);
}
END_TEST

START_TEST(equal_priorities_go_by_name)
{
    ck_assert_str_eq(chosen_of(BETA ":" ALPHA), "alpha");
    ck_assert_str_eq(chosen_of(ALPHA ":" BETA), "alpha");
}
END_TEST

START_TEST(user_sets_a_priority)
{
    setenv("MEMHEAP_BETA_PRIORITY", "61", 1);
    ck_assert_str_eq(chosen_of(ALPHA ":" BETA), "beta");
    ck_assert_int_eq(beta->priority, 61);
}
END_TEST

START_TEST(user_sets_a_priority_through_mpirun)
{
    setenv("OMPI_MCA_memheap_alpha_priority", "59", 1);
    ck_assert_str_eq(chosen_of(ALPHA ":" BETA), "beta");
}
END_TEST

START_TEST(component_lowers_its_priority_for_a_region)
{
    alpha->lowered_priority = 1;
    ck_assert_str_eq(chosen_of(ALPHA ":" BETA), "beta");
}
END_TEST

START_TEST(component_learns_of_region_and_parameters)
{
    setenv("MEMHEAP_ALPHA_STEP", "64k", 1);
    ck_assert_str_eq(chosen_of(ALPHA), "alpha");
    ck_assert_uint_eq(alpha->region_size, MIB);
    ck_assert_uint_eq(alpha->step, 64 * KIB);
}
END_TEST

START_TEST(all_others_are_finalized)
{
    memheap_module_t *module;
    ck_assert_ok(open_framework(ALPHA ":" BETA));
    ck_assert_uint_eq(alpha->opened, 1);
    ck_assert_uint_eq(beta->opened, 1);
    ck_assert_ok(select_module(&module));
    ck_assert_str_eq(framework.selected->name, "alpha");
    ck_assert_uint_eq(beta->created, 0); /* it could not have been selected */
    ck_assert_uint_eq(beta->closed, 1);
    ck_assert_uint_eq(alpha->destroyed, 0);
    ck_assert_uint_eq(alpha->closed, 0);
    module->ops->destroy(module);
    memheap_framework_close(&framework);
    ck_assert_uint_eq(alpha->closed, 1);
    ck_assert_uint_eq(beta->closed, 1);
}
END_TEST

START_TEST(earlier_best_is_finalized_when_a_better_one_comes)
{
    alpha->lowered_priority = 1;
    ck_assert_str_eq(chosen_of(ALPHA ":" BETA), "beta");
    ck_assert_uint_eq(alpha->created, 1);
    ck_assert_uint_eq(alpha->destroyed, 1);
    ck_assert_uint_eq(alpha->closed, 1);
    ck_assert_uint_eq(beta->destroyed, 1);
    ck_assert_uint_eq(beta->closed, 1);
}
END_TEST

START_TEST(excluded_component_is_never_opened)
{
    setenv("MEMHEAP_COMPONENT", "^alpha", 1);
    ck_assert_str_eq(chosen_of(ALPHA ":" BETA), "beta");
    ck_assert_uint_eq(alpha->opened, 0);
    ck_assert_uint_eq(alpha->created, 0);
    ck_assert_uint_eq(alpha->closed, 0);
}
END_TEST

START_TEST(component_that_declines_in_open_is_not_used)
{
    alpha->open_status = MEMHEAP_ERR_UNSUPPORTED;
    ck_assert_str_eq(chosen_of(ALPHA ":" BETA), "beta");
    ck_assert_uint_eq(alpha->created, 0);
    ck_assert_uint_eq(alpha->closed, 0);
    ck_assert_uint_eq(test_log.count, 0);
}
END_TEST

START_TEST(component_that_declines_in_create_is_closed)
{
    alpha->create_status = MEMHEAP_ERR_UNSUPPORTED;
    ck_assert_str_eq(chosen_of(ALPHA ":" BETA), "beta");
    ck_assert_uint_eq(alpha->closed, 1);
    ck_assert_uint_eq(alpha->destroyed, 0);
    ck_assert_uint_eq(test_log.count, 0);
}
END_TEST

START_TEST(no_component_left_is_a_status_and_a_message)
{
    memheap_module_t *module;
    setenv("MEMHEAP_COMPONENT", "alpha", 1);
    alpha->create_status = MEMHEAP_ERR_UNSUPPORTED;
    ck_assert_ok(open_framework(ALPHA));
    ck_assert_int_eq(select_module(&module), MEMHEAP_ERR_NO_COMPONENT);
    ck_assert_uint_eq(test_log.count, 1);
    ck_assert_logged(&test_log, "no component can serve");
    memheap_framework_close(&framework);
    ck_assert_uint_eq(alpha->closed, 1);
}
END_TEST

START_TEST(failing_create_fails_select_and_undoes_the_others)
{
    memheap_module_t *module;
    setenv("MEMHEAP_COMPONENT", "alpha,beta", 1);
    alpha->lowered_priority = 1; /* so beta is tried too */
    beta->create_status = MEMHEAP_ERR_NO_METADATA;
    ck_assert_ok(open_framework(ALPHA ":" BETA));
    ck_assert_int_eq(select_module(&module), MEMHEAP_ERR_NO_METADATA);
    ck_assert_uint_eq(test_log.count, 1);
    ck_assert_logged(&test_log,
                     "component beta cannot serve a region of 1 MiB");
    memheap_framework_close(&framework);
    ck_assert_uint_eq(alpha->created, 1);
    ck_assert_uint_eq(alpha->destroyed, 1);
    ck_assert_uint_eq(alpha->closed, 1);
    ck_assert_uint_eq(beta->destroyed, 0);
    ck_assert_uint_eq(beta->closed, 1);
}
END_TEST

START_TEST(component_that_could_not_win_cannot_fail_select)
{
    beta->create_status = MEMHEAP_ERR_NO_METADATA;
    ck_assert_str_eq(chosen_of(ALPHA ":" BETA), "alpha");
    ck_assert_uint_eq(test_log.count, 0);
}
END_TEST

/* A plug-in that cannot be used causes a warning, and alpha still serves. */
static void assert_ignored(const char *path, const char *message)
{
    char both[4096];
    snprintf(both, sizeof(both), "%s:%s", ALPHA, path);
    ck_assert_str_eq(chosen_of(both), "alpha");
    ck_assert_uint_eq(test_log.count, 1);
    ck_assert_logged(&test_log, "ignored");
    ck_assert_logged(&test_log, path);
    ck_assert_logged(&test_log, message);
}

START_TEST(plugin_of_another_abi_is_ignored)
{
    assert_ignored(OTHER_ABI, "ABI 99, this library has");
}
END_TEST

START_TEST(plugin_without_the_symbol_is_ignored)
{
    assert_ignored(NO_SYMBOL, "exports no memheap_component");
}
END_TEST

START_TEST(file_that_is_no_shared_object_is_ignored)
{
    char path[UNIT_PATH];
    unit_file_new(path, "this is no shared object\n");
    assert_ignored(path, "");
    unlink(path);
}
END_TEST

START_TEST(second_component_of_a_name_is_ignored)
{
    assert_ignored(ALPHA_TWIN, "there is a component alpha already");
}
END_TEST

/* Change the component that beta exports, and check that it is refused. */
#define assert_refused(field, value, message)                                  \
    do {                                                                       \
        memheap_component_t *component =                                       \
            dlsym(beta_handle, "memheap_component");                           \
        memheap_component_t kept = *component;                                 \
        component->field = (value);                                            \
        unit_log_clear(&test_log);                                             \
        assert_ignored(BETA, message);                                         \
        *component = kept;                                                     \
    } while (0)

START_TEST(component_with_a_bad_name_is_ignored)
{
    const char *text = "its name is not 1 to 31 lower-case letters";
    assert_refused(name, NULL, text);
    assert_refused(name, "", text);
    assert_refused(name, "a\nb", text);
    assert_refused(name, "Beta", text);
    assert_refused(name, "a_name_that_is_longer_than_it_can_be_written", text);
}
END_TEST

START_TEST(component_without_its_parts_is_ignored)
{
    assert_refused(summary, NULL, "it has no summary");
    assert_refused(create, NULL, "it has no create()");
    assert_refused(params, NULL, "its parameters are missing");
    assert_refused(param_count, 17, "it has more than 16 parameters");
}
END_TEST

START_TEST(component_with_a_bad_parameter_is_ignored)
{
    static const memheap_param_def_t good = {
        .name = "a", .unit = "", .default_text = "", .help = ""};
    memheap_param_def_t bad = good;
    bad.name = NULL;
    assert_refused(params, &bad, "the name of a parameter");
    bad.name = "a_name_that_is_longer_than_any_name_of_a_parameter_could_ever_"
               "be_written";
    assert_refused(params, &bad, "the name of a parameter");
    bad = good;
    bad.unit = NULL;
    assert_refused(params, &bad, "has no unit, default or help");
    bad = good;
    bad.default_text = NULL;
    assert_refused(params, &bad, "has no unit, default or help");
    bad = good;
    bad.help = NULL;
    assert_refused(params, &bad, "has no unit, default or help");
    bad = good;
    bad.type = (memheap_param_type_t)99;
    assert_refused(params, &bad, "no known type");
}
END_TEST

START_TEST(module_that_lacks_an_operation_is_not_used)
{
    static const size_t needed[] = {offsetof(memheap_module_ops_t, alloc),
                                    offsetof(memheap_module_ops_t, free),
                                    offsetof(memheap_module_ops_t, size_of),
                                    offsetof(memheap_module_ops_t, walk),
                                    offsetof(memheap_module_ops_t, check),
                                    offsetof(memheap_module_ops_t, stats),
                                    offsetof(memheap_module_ops_t, destroy)};
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        unit_log_clear(&test_log);
        alpha->missing = 1 + needed[i];
        ck_assert_str_eq(chosen_of(ALPHA ":" BETA), "beta");
        ck_assert_uint_eq(test_log.count, 1);
        ck_assert_logged(
            &test_log,
            "component alpha is not used: its module lacks an operation");
    }
}
END_TEST

START_TEST(path_may_be_relative)
{
    ck_assert_int_eq(chdir(PLUGIN_FOLDER), 0);
    ck_assert_str_eq(chosen_of("./plugin_alpha.so"), "alpha");
    ck_assert_str_eq(chosen_of("plugin_beta.so"), "beta");
    ck_assert_str_eq(chosen_of("."), "alpha");
    ck_assert_int_eq(chdir(UNIT_FOLDER), 0);
}
END_TEST

START_TEST(missing_folder_is_a_warning)
{
    ck_assert_str_eq(chosen_of("/no/such/folder:" ALPHA), "alpha");
    ck_assert_uint_eq(test_log.count, 1);
    ck_assert_logged(&test_log, "cannot read /no/such/folder");
}
END_TEST

START_TEST(other_files_of_a_folder_are_ignored)
{
    char folder[UNIT_PATH];
    char link[UNIT_PATH + 16];
    unit_folder_new(folder);
    snprintf(link, sizeof(link), "%s/alpha.so", folder);
    ck_assert_int_eq(symlink(ALPHA, link), 0);
    snprintf(link, sizeof(link), "%s/beta.so.1", folder);
    ck_assert_int_eq(symlink(BETA, link), 0);
    ck_assert_ok(open_framework(folder));
    ck_assert_ptr_nonnull(find("alpha"));
    ck_assert_ptr_null(find("beta"));
    memheap_framework_close(&framework);
    unit_folder_delete(folder);
}
END_TEST

/* A heap of half a MiB on alpha, which has none of the optional operations. */
static memheap_t *bare_heap(void)
{
    static char range[512 * 1024] __attribute__((aligned(4096)));
    memheap_t *heap;
    memheap_config_t config = {.base = range,
                               .size = sizeof(range) / 2,
                               .max_size = sizeof(range),
                               .log = &test_log.log};
    setenv("MEMHEAP_PLUGIN_PATH", ALPHA, 1);
    ck_assert_ok(memheap_create(&config, &heap));
    ck_assert_str_eq(memheap_component_name(heap), "alpha");
    return heap;
}

START_TEST(heap_moves_a_block_that_cannot_be_resized)
{
    memheap_t *heap = bare_heap();
    void *block;
    void *moved;
    ck_assert_ok(memheap_alloc(heap, 1000, &block));
    memset(block, 7, 1000);
    ck_assert_ok(memheap_resize(heap, block, 900, &moved));
    ck_assert_ptr_eq(moved, block);
    ck_assert_ok(memheap_resize(heap, block, 5000, &moved));
    ck_assert_ptr_ne(moved, block);
    for (size_t i = 0; i < 900; i++)
        ck_assert_int_eq(((char *)moved)[i], 7);
    ck_assert_ok(memheap_free(heap, moved));
    memheap_destroy(heap);
    ck_assert_uint_eq(alpha->destroyed, 1);
    ck_assert_uint_eq(alpha->closed, 1);
}
END_TEST

START_TEST(heap_without_reserve_does_not_move_blocks_over_themselves)
{
    memheap_t *heap = bare_heap();
    void *block;
    void *moved = NULL;
    ck_assert_ok(memheap_alloc(heap, 200 * KIB, &block));
    memset(block, 7, 200 * KIB);
    ck_assert_int_eq(memheap_resize(heap, block, 201 * KIB, &moved),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_ptr_null(moved);
    ck_assert_int_eq(((char *)block)[200 * KIB - 1], 7);
    ck_assert_ok(memheap_free(heap, block));
    memheap_destroy(heap);
}
END_TEST

START_TEST(heap_of_a_component_that_cannot_grow_does_not)
{
    memheap_t *heap = bare_heap();
    ck_assert_int_eq(memheap_grow(heap, 300 * KIB), MEMHEAP_ERR_UNSUPPORTED);
    memheap_destroy(heap);
}
END_TEST

START_TEST(check_mode_names_the_component_that_is_broken)
{
    void *block;
    setenv("MEMHEAP_CHECK", "1", 1);
    memheap_t *heap = bare_heap();
    ck_assert_ok(memheap_alloc(heap, 100, &block));
    ck_assert_uint_eq(test_log.count, 0);
    alpha->check_status = MEMHEAP_ERR_CORRUPT;
    ck_assert_int_eq(memheap_free(heap, block), MEMHEAP_ERR_CORRUPT);
    ck_assert_uint_eq(test_log.count, 1);
    ck_assert_logged(&test_log, "corrupt after a free");
    ck_assert_logged(&test_log, "component alpha");
    ck_assert_int_eq(memheap_alloc(heap, 100, &block), MEMHEAP_ERR_CORRUPT);
    ck_assert_logged(&test_log, "corrupt after an allocation");
    memheap_destroy(heap);
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, plugin_is_opened_from_a_file);
    tcase_add_test(tests, plugins_are_opened_from_a_folder);
    tcase_add_test(tests, path_has_several_entries);
    tcase_add_test(tests, built_in_components_stay);
    tcase_add_test(tests, unused_plugin_is_unloaded);
    tcase_add_test(tests, equal_priorities_go_by_name);
    tcase_add_test(tests, user_sets_a_priority);
    tcase_add_test(tests, user_sets_a_priority_through_mpirun);
    tcase_add_test(tests, component_lowers_its_priority_for_a_region);
    tcase_add_test(tests, component_learns_of_region_and_parameters);
    tcase_add_test(tests, all_others_are_finalized);
    tcase_add_test(tests, earlier_best_is_finalized_when_a_better_one_comes);
    tcase_add_test(tests, excluded_component_is_never_opened);
    tcase_add_test(tests, component_that_declines_in_open_is_not_used);
    tcase_add_test(tests, component_that_declines_in_create_is_closed);
    tcase_add_test(tests, no_component_left_is_a_status_and_a_message);
    tcase_add_test(tests, failing_create_fails_select_and_undoes_the_others);
    tcase_add_test(tests, component_that_could_not_win_cannot_fail_select);
    tcase_add_test(tests, plugin_of_another_abi_is_ignored);
    tcase_add_test(tests, plugin_without_the_symbol_is_ignored);
    tcase_add_test(tests, file_that_is_no_shared_object_is_ignored);
    tcase_add_test(tests, second_component_of_a_name_is_ignored);
    tcase_add_test(tests, component_with_a_bad_name_is_ignored);
    tcase_add_test(tests, component_without_its_parts_is_ignored);
    tcase_add_test(tests, component_with_a_bad_parameter_is_ignored);
    tcase_add_test(tests, module_that_lacks_an_operation_is_not_used);
    tcase_add_test(tests, path_may_be_relative);
    tcase_add_test(tests, missing_folder_is_a_warning);
    tcase_add_test(tests, other_files_of_a_folder_are_ignored);
    tcase_add_test(tests, heap_moves_a_block_that_cannot_be_resized);
    tcase_add_test(tests,
                   heap_without_reserve_does_not_move_blocks_over_themselves);
    tcase_add_test(tests, heap_of_a_component_that_cannot_grow_does_not);
    tcase_add_test(tests, check_mode_names_the_component_that_is_broken);
    return unit_run("plugin", tests);
}
