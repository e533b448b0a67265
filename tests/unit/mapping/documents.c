#include "documents.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static bool visit_item(const json_t *item, documents_visit *visit, void *context, const char *path)
{
    char *text = json_dumps(item, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
    bool good = text != NULL && visit(context, path, text, strlen(text));
    free(text);
    return good;
}

/* An object is visited as it was written; the items of an array as jansson writes them. */
static int visit_file(const char *path, documents_visit *visit, void *context)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        printf("%s: %s\n", path, strerror(errno));
        return -1;
    }
    char *text = NULL;
    size_t size = 0;
    ssize_t length = getdelim(&text, &size, EOF, file);
    (void)fclose(file);
    json_error_t error;
    json_t *root =
        length < 0 ? NULL : json_loadb(text, (size_t)length, JSON_DECODE_INT_AS_REAL, &error);
    int count = 0;
    if (root == NULL) {
        printf("%s: %s\n", path, length < 0 ? "empty" : error.text);
        count = -1;
    } else if (json_is_object(root)) {
        count = visit(context, path, text, (size_t)length) ? 1 : -1;
    }
    size_t index;
    const json_t *item;
    json_array_foreach(root, index, item)
    {
        if (json_is_object(item) && count >= 0) {
            count = visit_item(item, visit, context, path) ? count + 1 : -1;
        }
    }
    json_decref(root);
    free(text);
    return count;
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
        if (names[i]->d_type == DT_DIR && name[0] != '.') {
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
