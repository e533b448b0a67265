/* The upstream's refusals and IMS's answers: any status, any bytes. */
#include <stdlib.h>

#include "upstream/error_body.h"
#include "upstream/token_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 3) {
        return 0;
    }
    int http_status = 100 + (bytes[0] << 8 | bytes[1]) % 500;
    pc_entity_kind kind = (pc_entity_kind)(bytes[2] % PC_ENTITY_KIND_COUNT);
    pc_status status = pc_error_body_judge(kind, http_status, bytes + 3, size - 3, bytes[2]);
    if (!pc_status_ok(&status) && pc_status_message(&status)[0] == '\0') {
        abort();
    }
    pc_status_clear(&status);
    pc_token_answer answer = {0};
    status = pc_token_answer_read(&answer, http_status, bytes + 3, size - 3, bytes[2]);
    if (pc_status_ok(&status)) {
        free(answer.access_token);
    }
    pc_status_clear(&status);
    return 0;
}
