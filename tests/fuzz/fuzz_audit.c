/* Audit trails from anywhere: nothing is read out of bounds, and what the verifier calls whole has
 * lines that count on from one another; so with the fields of a line. The first byte says where a
 * second file begins. */
#include <stdlib.h>

#include "audit/fields.h"
#include "audit/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Fields stand within the line, each behind the one before it. */
static void read_fields(const char *line, size_t size)
{
    const pc_audit_value all = {.bytes = line, .size = size};
    pc_audit_value name;
    pc_audit_value value;
    char text[64];
    for (size_t at = 0, before = 0; pc_audit_next_field(&name, &value, &all, &at); before = at) {
        if (at <= before || at > size || value.bytes < line ||
            value.bytes + value.size > line + size || name.bytes + name.size > value.bytes) {
            abort();
        }
        pc_audit_value_text(text, sizeof text, &value);
        pc_audit_value inner;
        (void)pc_audit_field_in(&inner, &value, "status");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    read_fields((const char *)data + 1, size - 1);
    size_t split = 1 + (size - 1) * data[0] / 256;
    pc_audit_verifier *verifier;
    pc_audit_report report;
    pc_status status = pc_audit_verifier_new(&verifier, NULL);
    if (!pc_status_ok(&status)) {
        pc_status_clear(&status);
        return 0;
    }
    pc_audit_verifier_file(verifier);
    pc_audit_verifier_feed(verifier, data + 1, split - 1);
    pc_audit_verifier_file(verifier);
    for (size_t at = split; at < size; at += 100) {
        pc_audit_verifier_feed(verifier, data + at, size - at < 100 ? size - at : 100);
    }
    pc_audit_verifier_end(verifier, &report);
    pc_audit_verifier_free(verifier);
    if (report.fault == PC_AUDIT_WHOLE && report.lines > 0 &&
        report.last.sequence - report.first.sequence + 1 != report.lines) {
        abort();
    }
    return 0;
}
