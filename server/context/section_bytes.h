/* Wire bytes of sections: picking fields out of a message, and leaving out what a mask does not
 * keep. What they give back is owned, and NULL when out of memory; what they are
 * given they take, unless it is said to be borrowed.
 * Threads: pure. */
#ifndef PC_CONTEXT_SECTION_BYTES_H
#define PC_CONTEXT_SECTION_BYTES_H

#include "mapping/mask.h"
#include "util/buffer.h"
#include "util/slice.h"

/* Field numbers of Profile that are sections of their own in a context. */
enum { PC_PROFILE_IDENTITY_MAP = 40, PC_PROFILE_SEGMENT_MEMBERSHIP = 41 };

/* Puts every item of a repeated section through the mask of its message; NULL masks keep all. */
pc_slice *pc_mask_items(pc_slice *items, const pc_mask *mask, size_t size_max);

/* Puts one message through a mask. */
pc_slice *pc_mask_message(pc_slice *message, const pc_mask *mask, size_t size_max);

/* Copies the fields `number` of a profile, which is borrowed, under the number `as_number`. */
pc_slice *pc_pick_profile_fields(const pc_slice *profile, uint32_t number, uint32_t as_number);

/* Copies a profile, which is borrowed, without its identities and segments. */
pc_slice *pc_pick_profile_rest(const pc_slice *profile);

/* Keeps of an events section the items whose event_type is one of `types`. `*count` is what is
 * left. */
pc_slice *pc_keep_event_types(pc_slice *items, const char *const *types, size_t type_count,
                              size_t size_max, size_t *count);

#endif
