/* jansson, out of memory, loses single characters of long texts and says nothing, or that the text
 * is wrong. So its allocations pass through here, and one that fails spoils the reading. OpenSSL
 * tells by a list of errors. */
#include "identity/reading.h"

#include <jansson.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "util/memory_watch.h"

void pc_json_watch_memory(void)
{
    json_set_alloc_funcs(pc_watched_malloc, free);
}

json_t *pc_json_object_read(const void *bytes, size_t size, bool *no_memory)
{
    pc_memory_watch_begin();
    json_t *read = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL);
    *no_memory = pc_memory_was_lacking();
    if (*no_memory || !json_is_object(read)) {
        json_decref(read);
        return NULL;
    }
    return read;
}

bool pc_openssl_lacked_memory(void)
{
    bool lacked = false;
    for (unsigned long error; (error = ERR_get_error()) != 0;) {
        lacked = lacked || ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
    }
    return lacked;
}
