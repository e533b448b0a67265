/* gzip, see compress.h. */
#include "compress.h"

#include <zlib.h>

bool sbx_compress(struct sbx_text *text)
{
    z_stream stream = {0};
    int gzip_window = 15 + 16;
    if (deflateInit2(&stream, 1, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return false;
    }
    size_t capacity = deflateBound(&stream, (uLong)text->length);
    struct sbx_text out = {.data = sbx_alloc(capacity + 1), .capacity = capacity + 1};
    stream.next_in = (Bytef *)(void *)text->data;
    stream.avail_in = (uInt)text->length;
    stream.next_out = (Bytef *)(void *)out.data;
    stream.avail_out = (uInt)capacity;
    bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
    out.length = stream.total_out;
    deflateEnd(&stream);
    if (!done) {
        sbx_text_deinit(&out);
        return false;
    }
    sbx_text_deinit(text);
    *text = out;
    return true;
}
