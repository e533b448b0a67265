/* Lines on a terminal: harmless, measured, cut. */
#include "testing.h"

static void control_characters_are_made_harmless(void **state)
{
    (void)state;
    screen to;
    screen_open(&to, 80, false);
    display_add(&to.display, STYLE_PLAIN, "a\033[31mb\a\x7f|\xc2\x9b|\xe2\x80\xae|\xff|\r\n\t|");
    display_end(&to.display);
    screen_check(&to, "a�[31mb��|�|�|�|   |\n");
}

static void text_is_cut_by_columns_not_bytes(void **state)
{
    (void)state;
    screen to;
    screen_open(&to, 6, false);
    display_add(&to.display, STYLE_PLAIN, "日本語");
    display_end(&to.display);
    display_add(&to.display, STYLE_PLAIN, "日本語!");
    display_end(&to.display);
    display_add(&to.display, STYLE_PLAIN, "éééééé");
    display_end(&to.display);
    display_add(&to.display, STYLE_PLAIN, "abcdefg");
    display_end(&to.display);
    screen_check(&to, "日本語\n日本…\néééééé\nabcde…\n");
}

static void cells_are_padded_and_cut(void **state)
{
    (void)state;
    screen to;
    screen_open(&to, 20, false);
    display_cell(&to.display, STYLE_PLAIN, "ab", 4);
    display_cell(&to.display, STYLE_PLAIN, "abcdef", 4);
    display_add(&to.display, STYLE_PLAIN, "|");
    display_end(&to.display);
    screen_check(&to, "ab  abc…|\n");
}

static void colour_ends_with_the_line(void **state)
{
    (void)state;
    screen to;
    screen_open(&to, 4, true);
    display_add(&to.display, STYLE_BAD, "abcdef");
    display_end(&to.display);
    display_add(&to.display, STYLE_PLAIN, "x");
    display_end(&to.display);
    screen_check(&to, "\033[31mabc…\033[0m\nx\n");
}

static void endless_marks_do_not_overflow(void **state)
{
    (void)state;
    char marks[4 * DISPLAY_LINE_BYTES + 1];
    for (size_t i = 0; i + 1 < sizeof marks; i += 2) {
        marks[i] = (char)0xcc; /* U+0301, which takes no column */
        marks[i + 1] = (char)0x81;
    }
    marks[sizeof marks - 1] = '\0';
    screen to;
    screen_open(&to, 80, true);
    display_add(&to.display, STYLE_GOOD, marks);
    display_add(&to.display, STYLE_BAD, marks);
    display_end(&to.display);
    fclose(to.display.out);
    assert_true(to.size <= DISPLAY_LINE_BYTES);
    free(to.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_characters_are_made_harmless),
        cmocka_unit_test(text_is_cut_by_columns_not_bytes),
        cmocka_unit_test(cells_are_padded_and_cut),
        cmocka_unit_test(colour_ends_with_the_line),
        cmocka_unit_test(endless_marks_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
