/* Audit trails from anywhere: nothing is read out of bounds, and what the verifier calls whole has
 * lines that count on from one another. The first byte says where a second file begins. */
#include <stdlib.h>

#include "audit/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
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
