/* A traceparent of any bytes: what is taken is printed as it came, but for flags that only later
 * versions have. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    enum { IDS_FROM = 2, FLAGS_FROM = 53 };
    char printed[PC_TRACEPARENT_BYTES + 1];
    /* A copy of just this size shows what is read beyond it. */
    char *text = malloc(size == 0 ? 1 : size);
    pc_trace trace;
    if (text == NULL) {
        return 0;
    }
    memcpy(text, bytes, size);
    if (pc_trace_parse(&trace, text, size)) {
        pc_trace_print(printed, &trace);
        if (strlen(printed) != PC_TRACEPARENT_BYTES ||
            memcmp(printed + IDS_FROM, text + IDS_FROM, FLAGS_FROM - IDS_FROM) != 0) {
            abort();
        }
    } else if (trace.is_known) {
        abort();
    }
    free(text);
    return 0;
}
