/* For people in columns, each remedy under its step; or as JSON. */
#include <stdlib.h>

#include "check/check.h"
#include "telemetry/json_out.h"

enum { REPORT_BYTES_MAX = 64 * 1024 };

static const char *const words[] = {
    [PC_CHECK_OK] = "ok",
    [PC_CHECK_WARNING] = "warning",
    [PC_CHECK_FAILED] = "failed",
    [PC_CHECK_SKIPPED] = "skipped",
};

static void print_json(FILE *out, const pc_check_result results[PC_CHECK_STEPS])
{
    pc_buffer buffer;
    pc_buffer_init(&buffer, REPORT_BYTES_MAX);
    pc_json_out json = {.out = &buffer};
    pc_json_out_open(&json, NULL, '[');
    for (size_t i = 0; i < PC_CHECK_STEPS; i++) {
        const pc_check_result *result = &results[i];
        pc_json_out_open(&json, NULL, '{');
        pc_json_out_text(&json, "step", result->step);
        pc_json_out_text(&json, "title", result->title);
        pc_json_out_text(&json, "verdict", words[result->verdict]);
        pc_json_out_text(&json, "detail", result->detail);
        if (result->remedy != NULL) {
            pc_json_out_text(&json, "remedy", result->remedy);
        }
        if (result->took_ms > 0) {
            pc_json_out_number(&json, "ms", result->took_ms, 1);
        }
        pc_json_out_close(&json, '}');
    }
    pc_json_out_close(&json, ']');
    char *text = pc_buffer_take_text(&buffer);
    pc_buffer_deinit(&buffer);
    fprintf(out, "%s\n", text == NULL ? "[]" : text);
    free(text);
}

static void print_lines(FILE *out, const pc_check_result results[PC_CHECK_STEPS])
{
    for (size_t i = 0; i < PC_CHECK_STEPS; i++) {
        const pc_check_result *result = &results[i];
        char took[32] = "";
        if (result->took_ms > 0) {
            (void)snprintf(took, sizeof took, "%.0f ms", result->took_ms);
        }
        fprintf(out, "%-8s %-31s %8s  %s\n", words[result->verdict], result->title, took,
                result->detail);
        if (result->remedy != NULL) {
            fprintf(out, "         -> %s\n", result->remedy);
        }
    }
}

bool pc_check_print(FILE *out, const pc_check_result results[PC_CHECK_STEPS], bool as_json)
{
    bool good = true;
    if (as_json) {
        print_json(out, results);
    } else {
        print_lines(out, results);
    }
    for (size_t i = 0; i < PC_CHECK_STEPS; i++) {
        good = good && results[i].verdict != PC_CHECK_FAILED;
    }
    return good;
}
