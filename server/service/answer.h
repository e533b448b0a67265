/* What the RPCs' answers have in common: section infos, written straight as wire bytes, and the
 * shared steps of a call that gathers. */
#ifndef PC_SERVICE_ANSWER_H
#define PC_SERVICE_ANSWER_H

#include "context/gather.h"
#include "rpc/call.h"
#include "service/request.h"
#include "util/buffer.h"

enum { PC_HEAD_BYTES_MAX = 64 * 1024 };

/* Appends a SectionInfo as field `number`. */
void pc_put_section_info(pc_buffer *out, uint32_t number, pc_section section,
                         const pc_section_result *result, int64_t now_wall_ms);

/* The failure of a section's fetch, taken out of the result. */
pc_status pc_take_failure(pc_gathered *gathered, pc_section section);

/* The slice of a section, taken out of the result, or NULL when there is none or it is empty. */
pc_slice *pc_take_data(pc_gathered *gathered, pc_section section);

/* Adds what the gathering cost to the call's record, and counts its sections: once they are as the
 * caller gets them, and before the answer. The call keeps what became of
 * them. */
void pc_note_gathered(pc_call *call, const pc_gathered *gathered);

/* The same for a person of a batch, of whom the call keeps nothing (service/seen.h). */
void pc_note_entry(pc_call *call, const pc_gathered *gathered);

/* Gathers for a call: from memory on this very thread where that is enough. Sets in the
 * plan who asks. On failure the call is failed and nothing comes. `callbacks->self` must keep a
 * reference to the call, to be given back in `released`. */
void pc_gather_for_call(pc_call *call, const pc_service *service, pc_gather_plan *plan,
                        const pc_gather_callbacks *callbacks);

#endif
