/* gzip, for answers. */
#ifndef SBX_COMPRESS_H
#define SBX_COMPRESS_H

#include "text.h"

/* Replaces the text by its gzip form; false, with the text as it was, when that fails. */
bool sbx_compress(struct sbx_text *text);

#endif
