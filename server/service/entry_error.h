/* Why one entry of a batch has no data, as a message EntryError. */
#ifndef PC_SERVICE_ENTRY_ERROR_H
#define PC_SERVICE_ENTRY_ERROR_H

#include "util/buffer.h"
#include "util/status.h"

/* Appends it as field `number`. The failure is borrowed. */
void pc_put_entry_error(pc_buffer *out, uint32_t number, const pc_status *failure);

#endif
