/*
 * Opening, selecting and closing the built-in components. The tests take the
 * names of components from the framework.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static unit_log_t test_log;
static memheap_framework_t framework;

static void setup(void)
{
    unit_log_init(&test_log);
}

static memheap_status_t open_framework(void)
{
    memheap_framework_config_t config = {.log = &test_log.log};
    return memheap_framework_open(&framework, &config);
}

static memheap_status_t select_module(size_t size, memheap_module_t **module_p)
{
    memheap_module_config_t config = {
        .size = size, .max_size = size, .memory = &memheap_memory_system};
    return memheap_framework_select(&framework, &config, module_p);
}

static size_t usable_count(void)
{
    size_t count = 0;
    for (size_t i = 0; i < memheap_framework_count(&framework); i++)
        count += framework.usable[i];
    return count;
}

START_TEST(all_components_are_opened_in_the_order_of_names)
{
    ck_assert_ok(open_framework());
    ck_assert_uint_ge(memheap_framework_count(&framework), 1);
    ck_assert_uint_eq(usable_count(), memheap_framework_count(&framework));
    ck_assert_ptr_null(framework.selected);
    for (size_t i = 1; i < memheap_framework_count(&framework); i++)
        ck_assert_int_lt(
            strcmp(memheap_framework_component(&framework, i - 1)->name,
                   memheap_framework_component(&framework, i)->name),
            0);
    memheap_framework_close(&framework);
}
END_TEST

START_TEST(highest_priority_is_selected_alone)
{
    memheap_module_t *module;
    ck_assert_ok(open_framework());
    int greatest = -1;
    for (size_t i = 0; i < memheap_framework_count(&framework); i++) {
        int priority = memheap_framework_component(&framework, i)->priority;
        greatest = priority > greatest ? priority : greatest;
    }
    ck_assert_ok(select_module(MIB, &module));
    ck_assert_int_eq(framework.selected->priority, greatest);
    ck_assert_uint_eq(usable_count(), 1);
    module->ops->destroy(module);
    memheap_framework_close(&framework);
    ck_assert_ptr_null(framework.selected);
}
END_TEST

START_TEST(component_can_be_named)
{
    const char *name = unit_component_name(_i);
    memheap_module_t *module;
    setenv("MEMHEAP_COMPONENT", name, 1);
    ck_assert_ok(open_framework());
    ck_assert_uint_eq(usable_count(), 1);
    ck_assert_ok(select_module(MIB, &module));
    ck_assert_str_eq(framework.selected->name, name);
    module->ops->destroy(module);
    memheap_framework_close(&framework);
}
END_TEST

START_TEST(component_can_be_excluded)
{
    const char *name = unit_component_name(_i);
    char list[64];
    ck_assert_ok(open_framework());
    size_t count = memheap_framework_count(&framework);
    memheap_framework_close(&framework);
    snprintf(list, sizeof(list), "^%s", name);
    setenv("MEMHEAP_COMPONENT", list, 1);
    memheap_status_t status = open_framework();
    if (count == 1) {
        ck_assert_int_eq(status, MEMHEAP_ERR_NO_COMPONENT);
        return;
    }
    ck_assert_ok(status);
    ck_assert_uint_eq(usable_count(), count - 1);
    for (size_t i = 0; i < memheap_framework_count(&framework); i++)
        ck_assert_int_eq(
            framework.usable[i],
            strcmp(memheap_framework_component(&framework, i)->name, name) !=
                0);
    memheap_framework_close(&framework);
}
END_TEST

/* The names of all components behind a first character. */
static void name_all(const char *first)
{
    char list[1024];
    int used = snprintf(list, sizeof(list), "%s", first);
    for (int i = 0; i < (int)unit_component_count(); i++)
        used += snprintf(list + used, sizeof(list) - (size_t)used, "%s%s",
                         i == 0 ? "" : ",", unit_component_name(i));
    setenv("MEMHEAP_COMPONENT", list, 1);
}

START_TEST(list_names_the_candidates)
{
    name_all("");
    ck_assert_ok(open_framework());
    ck_assert_uint_eq(usable_count(), memheap_framework_count(&framework));
    memheap_framework_close(&framework);
}
END_TEST

START_TEST(list_that_leaves_nothing_is_refused)
{
    name_all("^");
    ck_assert_int_eq(open_framework(), MEMHEAP_ERR_NO_COMPONENT);
    ck_assert_uint_eq(test_log.count, 1);
    ck_assert_logged(&test_log, "MEMHEAP_COMPONENT=\"^");
    ck_assert_logged(&test_log, "leaves no component; there are: ");
    ck_assert_logged(&test_log, unit_component_name(0));
}
END_TEST

START_TEST(unknown_component_is_refused)
{
    setenv("OMPI_MCA_memheap", "nobody", 1);
    ck_assert_int_eq(open_framework(), MEMHEAP_ERR_BAD_PARAM);
    ck_assert_uint_eq(test_log.count, 1);
    ck_assert_logged(
        &test_log,
        "\"nobody\" (from the environment variable OMPI_MCA_memheap)");
    ck_assert_logged(&test_log, unit_component_name(0));
}
END_TEST

START_TEST(bad_priority_is_refused)
{
    char name[64];
    snprintf(name, sizeof(name), "MEMHEAP_%s_PRIORITY", unit_component_name(0));
    for (char *c = name; *c != '\0'; c++)
        *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    setenv(name, "101", 1);
    ck_assert_int_eq(open_framework(), MEMHEAP_ERR_BAD_PARAM);
    ck_assert_uint_eq(test_log.count, 1);
    ck_assert_logged(&test_log, name);
    ck_assert_logged(&test_log, "from 0 to 100");
}
END_TEST

START_TEST(priority_of_an_unknown_component_is_refused)
{
    setenv("MEMHEAP_NOBODY_PRIORITY", "1", 1);
    ck_assert_int_eq(open_framework(), MEMHEAP_ERR_BAD_PARAM);
    ck_assert_uint_eq(test_log.count, 1);
    ck_assert_logged(&test_log, "MEMHEAP_NOBODY_PRIORITY");
    ck_assert_logged(&test_log, "; the nearest is MEMHEAP_");
}
END_TEST

START_TEST(parameter_file_is_a_source)
{
    char path[UNIT_PATH];
    char text[128];
    snprintf(text, sizeof(text), "MEMHEAP_COMPONENT = %s\n",
             unit_component_name(0));
    unit_file_new(path, text);
    setenv("MEMHEAP_PARAM_FILE", path, 1);
    ck_assert_ok(open_framework());
    unlink(path);
    ck_assert_uint_eq(usable_count(), 1);
    ck_assert(framework.usable[0]);
    memheap_framework_close(&framework);
}
END_TEST

START_TEST(parameter_file_that_is_missing_is_refused)
{
    setenv("MEMHEAP_PARAM_FILE", "/no/such/file", 1);
    ck_assert_int_eq(open_framework(), MEMHEAP_ERR_BAD_PARAM);
    ck_assert_uint_eq(test_log.count, 1);
    ck_assert_logged(&test_log, "/no/such/file");
}
END_TEST

static const char symmetric_size[] = "SHMEM_SYMMETRIC_SIZE";

START_TEST(job_parameters_are_read_for_jobs_alone)
{
    memheap_framework_config_t config = {.log = &test_log.log};
    memheap_framework_t job;
    setenv("SMA_SYMMETRIC_SIZE", "1g", 1);
    ck_assert_ok(open_framework());
    ck_assert_ptr_null(memheap_params_find(framework.params, symmetric_size));
    config.job = true;
    memheap_status_t status = memheap_framework_open(&job, &config);
    unsetenv("SMA_SYMMETRIC_SIZE");
    ck_assert_ok(status);
    ck_assert_uint_eq(
        memheap_params_value(job.params, symmetric_size)->share.size, GIB);
    memheap_framework_close(&job);
    memheap_framework_close(&framework);
}
END_TEST

START_TEST(environment_is_read_for_the_first_user_alone)
{
    memheap_framework_config_t config = {.log = &test_log.log};
    memheap_framework_t second;
    setenv("MEMHEAP_TRIM", "1m", 1);
    ck_assert_ok(open_framework());
    setenv("MEMHEAP_TRIM", "2m", 1);
    ck_assert_ok(memheap_framework_open(&second, &config));
    ck_assert_uint_eq(memheap_params_value(second.params, "MEMHEAP_TRIM")->size,
                      MIB);
    ck_assert_ptr_eq(second.params, framework.params);
    memheap_framework_close(&framework);
    memheap_framework_close(&second);
    ck_assert_ok(open_framework());
    ck_assert_uint_eq(
        memheap_params_value(framework.params, "MEMHEAP_TRIM")->size, 2 * MIB);
    memheap_framework_close(&framework);
}
END_TEST

START_TEST(arguments_count_for_their_heap_alone)
{
    const char *const arguments[] = {"MEMHEAP_TRIM=3m", NULL};
    memheap_framework_config_t config = {.log = &test_log.log,
                                         .arguments = arguments};
    memheap_framework_t second;
    ck_assert_ok(open_framework());
    ck_assert_ok(memheap_framework_open(&second, &config));
    ck_assert_uint_eq(memheap_params_value(second.params, "MEMHEAP_TRIM")->size,
                      3 * MIB);
    ck_assert_uint_eq(
        memheap_params_value(framework.params, "MEMHEAP_TRIM")->size, 0);
    memheap_framework_close(&second);
    memheap_framework_close(&framework);
}
END_TEST

static const char *const not_for_one_heap[] = {
    "MEMHEAP_PLUGIN_PATH=/proc/self/task", "MEMHEAP_PARAM_FILE=params",
    "MEMHEAP_TRANSPORT=ucx", "SHMEM_SYMMETRIC_SIZE=1g"};

START_TEST(parameters_of_process_and_job_are_no_arguments)
{
    const char *const arguments[] = {not_for_one_heap[_i], NULL};
    memheap_framework_config_t config = {.log = &test_log.log,
                                         .arguments = arguments};
    ck_assert_int_eq(memheap_framework_open(&framework, &config),
                     MEMHEAP_ERR_BAD_PARAM);
    ck_assert_uint_eq(test_log.count, 1);
    ck_assert_logged(&test_log, "cannot be set for one heap");
    ck_assert_logged(&test_log, _i < 2 ? "process starts" : "job starts");
}
END_TEST

int main(void)
{
    int count = (int)unit_component_count();
    TCase *tests = unit_case();
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, all_components_are_opened_in_the_order_of_names);
    tcase_add_test(tests, highest_priority_is_selected_alone);
    tcase_add_loop_test(tests, component_can_be_named, 0, count);
    tcase_add_loop_test(tests, component_can_be_excluded, 0, count);
    tcase_add_test(tests, list_names_the_candidates);
    tcase_add_test(tests, list_that_leaves_nothing_is_refused);
    tcase_add_test(tests, unknown_component_is_refused);
    tcase_add_test(tests, bad_priority_is_refused);
    tcase_add_test(tests, priority_of_an_unknown_component_is_refused);
    tcase_add_test(tests, parameter_file_is_a_source);
    tcase_add_test(tests, parameter_file_that_is_missing_is_refused);
    tcase_add_test(tests, job_parameters_are_read_for_jobs_alone);
    tcase_add_test(tests, environment_is_read_for_the_first_user_alone);
    tcase_add_test(tests, arguments_count_for_their_heap_alone);
    tcase_add_loop_test(tests, parameters_of_process_and_job_are_no_arguments,
                        0, 4);
    return unit_run("framework", tests);
}
