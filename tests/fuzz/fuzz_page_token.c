/* Page tokens: any text, opened with a key of ours, is refused. And what was sealed opens, but not
 * with one character changed. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "service/page_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const pc_page_token_key key = {{1, 2, 3}};
static const pc_query_hash query = {{4, 5, 6}};

static bool opens(pc_arena *arena, const char *token, const char **cursor, size_t *size)
{
    pc_status status = pc_page_token_open(cursor, size, arena, &key, &query, token);
    bool good = pc_status_ok(&status);
    pc_status_clear(&status);
    return good;
}

/* The first byte says where, the second what to; the rest is the cursor. */
static void seal_and_change(pc_arena *arena, const uint8_t *bytes, size_t size)
{
    const char *token;
    const char *back;
    size_t back_size;
    const char *cursor = (const char *)bytes + 2;
    size_t cursor_size = size - 2;
    pc_status status = pc_page_token_seal(&token, arena, &key, &query, cursor, cursor_size);
    if (!pc_status_ok(&status)) {
        pc_status_clear(&status);
        return;
    }
    if (!opens(arena, token, &back, &back_size) || back_size != cursor_size ||
        memcmp(back, cursor, cursor_size) != 0) {
        abort();
    }
    char *changed = pc_arena_strndup(arena, token, strlen(token));
    size_t place = bytes[0] % strlen(token);
    changed[place] = (char)bytes[1];
    if (changed[place] != token[place] && opens(arena, changed, &back, &back_size)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    pc_arena arena;
    pc_arena_init(&arena, NULL, 0, 1 << 20);
    const char *token = pc_arena_strndup(&arena, (const char *)bytes, size);
    const char *cursor;
    size_t cursor_size;
    if (token != NULL && opens(&arena, token, &cursor, &cursor_size)) {
        abort();
    }
    if (size >= 2) {
        seal_and_change(&arena, bytes, size);
    }
    pc_arena_deinit(&arena);
    return 0;
}
