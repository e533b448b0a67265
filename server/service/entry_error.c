/* The parts of a status that a caller may see. */
#include "service/entry_error.h"

#include "mapping/wire.h"

/* Field numbers of EntryError. */
enum { ERROR_CODE = 1, ERROR_REASON = 2, ERROR_MESSAGE = 3, ERROR_RETRY_DELAY = 4 };

void pc_put_entry_error(pc_buffer *out, uint32_t number, const pc_status *failure)
{
    size_t mark = pc_wire_begin(out, number);
    pc_wire_put_int(out, ERROR_CODE, failure->code);
    pc_wire_put_text(out, ERROR_REASON, pc_status_reason(failure));
    pc_wire_put_text(out, ERROR_MESSAGE, pc_status_message(failure));
    int64_t retry_ms = pc_status_retry_after_ms(failure);
    if (retry_ms > 0) {
        /* A Duration has the fields of a Timestamp. */
        pc_wire_put_timestamp(out, ERROR_RETRY_DELAY, retry_ms / 1000,
                              (int32_t)(retry_ms % 1000) * 1000000);
    }
    pc_wire_end(out, mark);
}
