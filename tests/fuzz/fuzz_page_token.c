/* Page tokens: any text, opened with a key of ours. None may be accepted. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "service/page_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const pc_page_token_key key = {{1, 2, 3}};
    static const pc_query_hash query = {{4, 5, 6}};
    pc_arena arena;
    pc_arena_init(&arena, NULL, 0, 1 << 20);
    const char *token = pc_arena_strndup(&arena, (const char *)bytes, size);
    if (token != NULL) {
        const char *cursor;
        size_t cursor_size;
        pc_status status = pc_page_token_open(&cursor, &cursor_size, &arena, &key, &query, token);
        if (pc_status_ok(&status)) {
            abort();
        }
        pc_status_clear(&status);
    }
    pc_arena_deinit(&arena);
    return 0;
}
