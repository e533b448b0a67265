#include "documents.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "mapping/json_reader.h"
#include "util/buffer.h"

/* Appends the whole file; false with the reason printed. */
static bool read_file(pc_buffer *out, const char *path)
{
    char block[1 << 16];
    size_t size;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        printf("%s: %s\n", path, strerror(errno));
        return false;
    }
    while ((size = fread(block, 1, sizeof block, file)) > 0) {
        pc_buffer_append(out, block, size);
    }
    bool good = !ferror(file) && !out->failed;
    (void)fclose(file);
    if (!good) {
        printf("%s: cannot be read\n", path);
    }
    return good;
}

/* Objects are visited as they were written. */
static int visit_file(const char *path, documents_visit *visit, void *context)
{
    pc_buffer text;
    pc_json_reader reader;
    pc_json_range range;
    int count = 0;
    pc_buffer_init(&text, SIZE_MAX);
    bool good = read_file(&text, path);
    pc_json_reader_init(&reader, text.bytes, text.size, 0);
    bool in_array = pc_json_peek(&reader) == PC_JSON_ARRAY && pc_json_enter_array(&reader);
    while (!in_array || pc_json_next_item(&reader)) {
        bool is_object = pc_json_peek(&reader) == PC_JSON_OBJECT;
        if (pc_json_skip(&reader, &range) && is_object) {
            good = visit(context, path, (const char *)range.bytes, range.size) && good;
            count++;
        }
        if (!in_array) {
            break;
        }
    }
    if (good && !pc_json_finish(&reader)) {
        printf("%s: no JSON at byte %zu\n", path, reader.at);
        good = false;
    }
    pc_buffer_deinit(&text);
    return good ? count : -1;
}

/* A link counts as what it leads to. */
static bool is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static int visit_folder(const char *folder, documents_visit *visit, void *context)
{
    struct dirent **names;
    int n = scandir(folder, &names, NULL, alphasort);
    if (n < 0) {
        printf("%s: %s\n", folder, strerror(errno));
        return -1;
    }
    int total = 0;
    bool good = true;
    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name;
        size_t length = strlen(name);
        char *path = malloc(strlen(folder) + length + 2);
        (void)sprintf(path, "%s/%s", folder, name);
        int count = 0;
        if (name[0] != '.' && is_folder(path)) {
            count = visit_folder(path, visit, context);
        } else if (length > 5 && strcmp(name + length - 5, ".json") == 0) {
            count = visit_file(path, visit, context);
        }
        good = good && count >= 0;
        total += count > 0 ? count : 0;
        free(path);
        free(names[i]);
    }
    free(names);
    return good ? total : -1;
}

int documents_each(const char *folder, documents_visit *visit, void *context)
{
    return visit_folder(folder, visit, context);
}
