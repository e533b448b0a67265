/* JSON documents in folders, for tests. */
#ifndef PC_TESTS_MAPPING_DOCUMENTS_H
#define PC_TESTS_MAPPING_DOCUMENTS_H

#include <stdbool.h>
#include <stddef.h>

/* Called with each object that a file holds: the file's own, or the items of an array. `json` is
 * valid during the call. False ends nothing, but is remembered. */
typedef bool documents_visit(void *context, const char *path, const char *json, size_t size);

/* Visits what is in every file `*.json` below `folder`, in the order of names. Gives the number of
 * documents, and -1 where the folder or a file cannot be read, or a visit gave false; the reason is
 * printed. */
int documents_each(const char *folder, documents_visit *visit, void *context);

#endif
