/* Whether memory was lacking while a library read something that keeps this to itself: jansson
 * loses single characters of long texts and says nothing, or that the text is wrong. Threads: each
 * has its own answer. */
#ifndef PC_UTIL_MEMORY_WATCH_H
#define PC_UTIL_MEMORY_WATCH_H

#include <stdbool.h>
#include <stddef.h>

/* malloc, for the library to use. */
void *pc_watched_malloc(size_t size);

/* Begins to watch on this thread. */
void pc_memory_watch_begin(void);

/* Whether pc_watched_malloc has failed on this thread since then. */
bool pc_memory_was_lacking(void);

#endif
