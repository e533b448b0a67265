/* A flag for each thread. */
#include "util/memory_watch.h"

#include <stdlib.h>

static _Thread_local bool was_lacking;

void *pc_watched_malloc(size_t size)
{
    void *block = malloc(size);
    was_lacking = was_lacking || block == NULL;
    return block;
}

void pc_memory_watch_begin(void)
{
    was_lacking = false;
}

bool pc_memory_was_lacking(void)
{
    return was_lacking;
}
