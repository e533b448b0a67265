/* The line that shows how far long work is. */
#include "testing.h"

#include <string.h>

#include "progress.h"

static void the_line_says_what_is_known(void **state)
{
    (void)state;
    static const struct {
        progress_state state;
        const char *text;
    } cases[] = {
        {{0, 0, -1, 0}, "0 answered, 0/s"},
        {{1500, 0, -1, 1000}, "1,500 answered, 1,500/s"},
        {{1500, 3, 0.25, 10000}, "1,500 answered, 150/s, 3 failed, 25 %, about 30 s left"},
        {{10, 0, 0.5, 900}, "10 answered, 11/s"},
        {{10, 0, 1.7, 2000}, "10 answered, 5/s, 100 %, about 0 ms left"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[PROGRESS_TEXT_SIZE];
        progress_format(text, &cases[i].state);
        assert_string_equal(text, cases[i].text);
    }
}

static void nothing_is_shown_without_a_terminal(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    progress line;
    progress_start(&line, out, false);
    progress_show(&line, 1, 0, 0.5);
    progress_end(&line);
    progress_start(&line, out, true);
    progress_show(&line, 1, 0, 0.5);
    progress_show(&line, 2, 0, 0.6); /* too soon after the first */
    progress_end(&line);
    fclose(out);
    assert_int_equal(strncmp(text, "\r1 answered", 11), 0);
    assert_null(strstr(text, "2 answered"));
    assert_string_equal(text + strlen(text) - 4, "\r\033[K");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_says_what_is_known),
        cmocka_unit_test(nothing_is_shown_without_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
