/* Loading records from NDJSON. README.md describes the lines. */
#ifndef SBX_LOAD_H
#define SBX_LOAD_H

#include "store.h"

/* Both load all or nothing, in one transaction. Errors name the source and the line. */
bool sbx_load_text(sbx_store *store, const char *name, const char *text, size_t length,
                   size_t *records, struct sbx_error *error);
bool sbx_load_file(sbx_store *store, const char *path, size_t *records, struct sbx_error *error);

#endif
