/* What the readers of keys and tokens share: JSON objects, and whether a library failed because of
 * the bytes or for lack of memory. The latter must not count as a bad key or token.
 * Threads: any. */
#ifndef PC_IDENTITY_READING_H
#define PC_IDENTITY_READING_H

#include <stddef.h>

#include "util/status.h"

/* Has jansson's lack of memory noticed, in the whole process. Once, before other threads use it. */
void pc_json_watch_memory(void);

/* Reads a JSON object without duplicate names. Owned: json_decref. NULL when it is none, and when
 * there is no memory, which sets `*no_memory`. */
struct json_t *pc_json_object_read(const void *bytes, size_t size, bool *no_memory);

/* Empties OpenSSL's list of errors; true when one of them was a lack of memory. */
bool pc_openssl_lacked_memory(void);

#endif
