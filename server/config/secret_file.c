/* Secrets come from files of one line that only their owner, or a group, may read. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/config_internal.h"

enum { SECRET_BYTES_MAX = 4096 };

static pc_status bad_file(const char *path, const char *what)
{
    return pc_status_new(PC_CODE_FAILED_PRECONDITION, "SECRET_FILE_INVALID", "%s: %s", path, what);
}

static pc_status read_line(char **out, const char *path, FILE *file)
{
    char text[SECRET_BYTES_MAX + 2];
    size_t size = fread(text, 1, sizeof text - 1, file);
    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r')) {
        size--;
    }
    text[size] = '\0';
    pc_status status;
    if (size == 0 || size > SECRET_BYTES_MAX || strlen(text) != size) {
        status = pc_status_new(PC_CODE_FAILED_PRECONDITION, "SECRET_FILE_INVALID",
                               "%s: must hold one line of at most %d characters", path,
                               SECRET_BYTES_MAX);
    } else {
        *out = config_copy(text, size);
        status = *out == NULL ? pc_status_out_of_memory() : PC_OK;
    }
    OPENSSL_cleanse(text, sizeof text);
    return status;
}

pc_status pc_config_read_secret(char **out, const char *path)
{
    *out = NULL;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return bad_file(path, "cannot be read; check the path and its permissions");
    }
    /* Without a buffer, as that would stay behind in freed memory. */
    (void)setvbuf(file, NULL, _IONBF, 0);
    struct stat about;
    pc_status status;
    if (fstat(fileno(file), &about) != 0) {
        status = bad_file(path, "cannot be read; check the path and its permissions");
    } else if ((about.st_mode & S_IROTH) != 0) {
        status = bad_file(path, "others may read it; take that right away (chmod o-r)");
    } else {
        status = read_line(out, path, file);
    }
    (void)fclose(file);
    return status;
}

void config_set_secret(pc_config *config, size_t key, const char *path, pc_config_errors *errors)
{
    char *secret = NULL;
    pc_status status = pc_config_read_secret(&secret, path);
    const char *name = config_keys[key].name;
    if (secret != NULL) {
        (void)config_set(config, key, secret, "secret file", name, errors);
        OPENSSL_cleanse(secret, strlen(secret));
        free(secret);
    } else {
        config_error(errors, "%s: %s", name, pc_status_message(&status));
    }
    pc_status_clear(&status);
}
