/* What the groups of a view have in common. */
#include "view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void view_heading(display *to, const char *title)
{
    display_end(to);
    display_add(to, STYLE_BOLD, title);
    display_end(to);
}

void view_label(display *to, const char *name)
{
    display_pad(to, VIEW_INDENT);
    display_cell(to, STYLE_FAINT, name, VIEW_LABEL_COLUMNS - VIEW_INDENT - 1);
    display_pad(to, VIEW_LABEL_COLUMNS);
}

void view_note(display *to, const char *text)
{
    display_pad(to, VIEW_INDENT);
    display_add(to, STYLE_FAINT, text);
    display_end(to);
}

void view_number(char out[VIEW_NUMBER_SIZE], double value, int decimals)
{
    if (!isfinite(value) || fabs(value) >= 1e15) {
        snprintf(out, VIEW_NUMBER_SIZE, "%g", value);
        return;
    }
    char plain[VIEW_NUMBER_SIZE];
    snprintf(plain, sizeof plain, "%.*f", decimals, fabs(value));
    size_t whole = strcspn(plain, ".");
    size_t size = 0;
    if (value < 0 && strspn(plain, "0.") < strlen(plain)) {
        out[size++] = '-';
    }
    for (size_t i = 0; i < whole; i++) {
        if (i > 0 && (whole - i) % 3 == 0) {
            out[size++] = ',';
        }
        out[size++] = plain[i];
    }
    snprintf(out + size, VIEW_NUMBER_SIZE - size, "%s", plain + whole);
}
