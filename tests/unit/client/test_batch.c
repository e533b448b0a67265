/* Batches: what lists of persons mean, what is written, and what a later run finds again. */
#include "testing.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch_input.h"
#include "batch_output.h"

static char path[64];

static void write_file(const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static char *read_file(void)
{
    static char text[8192];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    assert_int_equal(fclose(file), 0);
    return text;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/test_batch_XXXXXX");
    int descriptor = mkstemp(path);
    return descriptor < 0 ? -1 : close(descriptor);
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path) == 0 || access(path, F_OK) != 0 ? 0 : -1;
}

/* Reads all of a list into one text: "LINE NAMESPACE=ID;" for each person, "LINE!" for a bad one.
 */
static void check_list(const char *list, options how, const char *expected)
{
    char got[1024] = "";
    char problem[BATCH_PROBLEM_SIZE] = "";
    write_file(list);
    how.input_file = path;
    batch_input *input = batch_input_open(&how, problem);
    assert_string_equal(problem, "");
    assert_non_null(input);
    for (;;) {
        batch_person who;
        size_t size = strlen(got);
        batch_input_result result = batch_input_next(input, &who, problem);
        if (result == BATCH_INPUT_END) {
            break;
        }
        if (result == BATCH_INPUT_BAD) {
            unsigned line = 0;
            assert_int_equal(sscanf(problem, "line %u:", &line), 1);
            snprintf(got + size, sizeof got - size, "%u!", line);
            continue;
        }
        assert_int_equal(result, BATCH_INPUT_PERSON);
        snprintf(got + size, sizeof got - size, "%zu %s=%s;", who.line,
                 who.who.by_xid ? "xid" : who.who.namespace_code, who.who.id);
        batch_person_free(&who);
    }
    batch_input_close(input);
    assert_string_equal(got, expected);
}

static void lists_have_a_person_on_a_line(void **state)
{
    (void)state;
    check_list("email:a@b\n\n# note\r\nxid:X\r\n  CRMID:1 \nlast:1", (options){0},
               "1 Email=a@b;4 xid=X;5 CRMID=1;6 last=1;");
    check_list("nobody\nemail:a\n:x\n", (options){0}, "1!2 Email=a;3!");
    check_list("4711\n+44\n", (options){.namespace_code = "crmid"}, "1 CRMID=4711;2 CRMID=+44;");
    check_list("", (options){0}, "");
    check_list("\xef\xbb\xbf"
               "email:a\n",
               (options){0}, "1 Email=a;");
}

static void tables_name_their_columns(void **state)
{
    (void)state;
    options csv = {.input = BATCH_INPUT_CSV};
    check_list("Name,ID,Namespace\nx,1,crmid\n\"y, z\",\"a\"\"b\",\"email\"\n", csv,
               "2 CRMID=1;3 Email=a\"b;");
    check_list("note,namespace,id\n\"two\nlines\",crmid,1\nx,crmid,2\n", csv,
               "2 CRMID=1;4 CRMID=2;");
    check_list("xid,namespace,id\nX,,\n,crmid,3\n,,4\n", csv, "2 xid=X;3 CRMID=3;4!");
    csv.namespace_code = "crmid";
    csv.id_column = "customer";
    check_list("customer\n1\n\n2\n\"open\n", csv, "2 CRMID=1;4 CRMID=2;5!");
}

static void long_lines_are_bad_and_the_next_is_read(void **state)
{
    (void)state;
    static char list[2 * BATCH_LINE_MAX];
    memset(list, 'x', BATCH_LINE_MAX + 100);
    strcpy(list + BATCH_LINE_MAX + 100, "\nemail:a\n");
    check_list(list, (options){0}, "1!2 Email=a;");
}

static void lists_that_cannot_be_read_are_told(void **state)
{
    (void)state;
    char problem[BATCH_PROBLEM_SIZE] = "";
    options how = {.input_file = "/nonexistent/list"};
    assert_null(batch_input_open(&how, problem));
    assert_non_null(strstr(problem, "cannot read /nonexistent/list: No such file"));
    how.input_file = "/tmp";
    assert_null(batch_input_open(&how, problem));
    assert_non_null(strstr(problem, "it is a folder"));
    write_file("name,id\nx,1\n");
    how.input_file = path;
    how.input = BATCH_INPUT_CSV;
    assert_null(batch_input_open(&how, problem));
    assert_non_null(strstr(problem, "needs the columns namespace and id, or xid"));
}

static batch_person make_person(size_t line, char *text)
{
    batch_person who = {.line = line, .text = text};
    assert_null(person_parse(&who.who, text));
    return who;
}

static char first[] = "email:a\"b";
static char second[] = "crmid:2";

static void write_errors(const options *how, bool with_second)
{
    char problem[BATCH_PROBLEM_SIZE] = "";
    char reason[] = "PROFILE_NOT_FOUND";
    char message[] = "Not \"known\".";
    Profilecontext__V1__EntryError error = PROFILECONTEXT__V1__ENTRY_ERROR__INIT;
    error.code = 5;
    error.reason = reason;
    error.message = message;
    batch_output *output = batch_output_open(how, problem);
    assert_string_equal(problem, "");
    assert_non_null(output);
    batch_person one = make_person(1, first);
    batch_person two = make_person(2, second);
    if (!batch_output_has(output, &one)) {
        assert_true(batch_output_error(output, &one, &error));
    }
    if (with_second && !batch_output_has(output, &two)) {
        assert_true(batch_output_error(output, &two, &error));
    }
    assert_true(batch_output_flush(output, problem));
    batch_output_close(output);
}

static void a_later_run_goes_on_where_the_file_ends(void **state)
{
    (void)state;
    static const char line_one[] =
        "{\"line\":1,\"who\":\"email:a\\\"b\",\"error\":{\"code\":\"NOT_FOUND\",\"reason\":"
        "\"PROFILE_NOT_FOUND\",\"message\":\"Not \\\"known\\\".\"}}\n";
    static const char line_two[] =
        "{\"line\":2,\"who\":\"crmid:2\",\"error\":{\"code\":\"NOT_FOUND\",\"reason\":"
        "\"PROFILE_NOT_FOUND\",\"message\":\"Not \\\"known\\\".\"}}\n";
    char both[512];
    snprintf(both, sizeof both, "%s%s", line_one, line_two);
    unlink(path);
    options how = {.output_file = path};
    write_errors(&how, false);
    assert_string_equal(read_file(), line_one);
    how.resume = true;
    write_errors(&how, true);
    assert_string_equal(read_file(), both);
    write_errors(&how, true);
    assert_string_equal(read_file(), both);
    /* Cut off anywhere in the last line, it is written anew. */
    for (size_t cut = strlen(line_one); cut < strlen(both); cut += 7) {
        assert_int_equal(truncate(path, (off_t)cut), 0);
        write_errors(&how, true);
        assert_string_equal(read_file(), both);
    }
}

static void tables_are_gone_on_with_too(void **state)
{
    (void)state;
    unlink(path);
    options how = {.output_file = path, .format = BATCH_OUTPUT_CSV};
    write_errors(&how, false);
    char once[1024];
    snprintf(once, sizeof once, "%s", read_file());
    assert_non_null(strstr(once, "\n1,\"email:a\"\"b\",NOT_FOUND,PROFILE_NOT_FOUND,"));
    /* Every record has as many fields as the first. */
    size_t commas[2] = {0};
    for (size_t i = 0, line = 0; once[i] != '\0'; i++) {
        line += once[i] == '\n';
        commas[line == 0 ? 0 : 1] += once[i] == ',';
    }
    assert_int_equal(commas[0], commas[1]);
    how.resume = true;
    write_errors(&how, false);
    assert_string_equal(read_file(), once);
}

static void another_list_is_not_taken_for_answered(void **state)
{
    (void)state;
    write_file("{\"line\":1,\"who\":\"email:other\",\"error\":{}}\n");
    options how = {.output_file = path, .resume = true};
    char problem[BATCH_PROBLEM_SIZE] = "";
    batch_output *output = batch_output_open(&how, problem);
    assert_non_null(output);
    batch_person who = make_person(1, first);
    assert_false(batch_output_has(output, &who));
    batch_output_close(output);
}

static void files_of_others_are_left_alone(void **state)
{
    (void)state;
    static const char *const contents[] = {"hello\n", "{\"line\":0,\"who\":\"a\"}\n",
                                           "{\"line\":1,\"who\":\"a}\n", "line,who\n",
                                           "{\"line\":99999999999999999999,\"who\":\"a\"}\n"};
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        char problem[BATCH_PROBLEM_SIZE] = "";
        write_file(contents[i]);
        options how = {.output_file = path,
                       .resume = true,
                       .format = i == 3 ? BATCH_OUTPUT_CSV : BATCH_OUTPUT_NDJSON};
        assert_null(batch_output_open(&how, problem));
        assert_non_null(strstr(problem, "is no answer of a batch"));
        assert_string_equal(read_file(), contents[i]);
        how.resume = false;
        assert_null(batch_output_open(&how, problem));
        assert_non_null(strstr(problem, "--resume goes on with it"));
        assert_string_equal(read_file(), contents[i]);
    }
}

static void texts_that_a_spreadsheet_would_run_are_defused(void **state)
{
    (void)state;
    unlink(path);
    char name[] = "=HYPERLINK(\"x\")\n!";
    Profilecontext__V1__Profile profile = PROFILECONTEXT__V1__PROFILE__INIT;
    Profilecontext__V1__Person person_of = PROFILECONTEXT__V1__PERSON__INIT;
    Profilecontext__V1__PersonName of_person = PROFILECONTEXT__V1__PERSON_NAME__INIT;
    of_person.first_name = name;
    person_of.name = &of_person;
    profile.person = &person_of;
    options how = {.output_file = path, .format = BATCH_OUTPUT_CSV};
    char problem[BATCH_PROBLEM_SIZE] = "";
    batch_output *output = batch_output_open(&how, problem);
    batch_person who = make_person(1, second);
    assert_true(batch_output_profile(output, &who, &profile));
    assert_true(batch_output_flush(output, problem));
    batch_output_close(output);
    assert_non_null(strstr(read_file(), "\n1,\"crmid:2\",OK,,\"'=HYPERLINK(\"\"x\"\") !\",\"\","));
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    options how = {.output_file = "/dev/full", .resume = true};
    char problem[BATCH_PROBLEM_SIZE] = "";
    assert_null(batch_output_open(&how, problem));
    assert_non_null(strstr(problem, "it is no file"));
    how.resume = false;
    batch_output *output = batch_output_open(&how, problem);
    assert_non_null(output);
    batch_person who = make_person(1, second);
    Profilecontext__V1__EntryError error = PROFILECONTEXT__V1__ENTRY_ERROR__INIT;
    (void)batch_output_error(output, &who, &error);
    assert_false(batch_output_flush(output, problem));
    assert_non_null(strstr(problem, "cannot write the answers"));
    batch_output_close(output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists_have_a_person_on_a_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tables_name_their_columns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_lines_are_bad_and_the_next_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_that_cannot_be_read_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_later_run_goes_on_where_the_file_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tables_are_gone_on_with_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_list_is_not_taken_for_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_of_others_are_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(texts_that_a_spreadsheet_would_run_are_defused, set_up,
                                        tear_down),
        cmocka_unit_test(a_full_disk_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
