#include "audit_files.h"

#include <errno.h>
#include <string.h>

static bool read_file(pc_audit_verifier *verifier, const audit_files *files, const char *path)
{
    static char bytes[64 * 1024];
    FILE *file = fopen(path, "rb");
    size_t size = 0;
    pc_audit_verifier_file(verifier);
    do {
        pc_audit_verifier_feed(verifier, bytes, size);
        if (files->take != NULL) {
            files->take(files->self, bytes, size);
        }
    } while (file != NULL && (size = fread(bytes, 1, sizeof bytes, file)) > 0);
    bool good = file != NULL && ferror(file) == 0;
    if (!good) {
        fprintf(stderr, "profilectl: %s: cannot be read: %s\n", path, strerror(errno));
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return good;
}

exit_code audit_files_read(pc_audit_report *out, const audit_files *files)
{
    pc_audit_verifier *verifier;
    pc_status status = pc_audit_verifier_new(&verifier, files->anchor);
    if (!pc_status_ok(&status)) {
        fprintf(stderr, "profilectl: %s\n", pc_status_message(&status));
        pc_status_clear(&status);
        return EXIT_CODE_OTHER;
    }
    bool good = true;
    for (size_t i = 0; good && i < files->count; i++) {
        good = read_file(verifier, files, files->paths[i]);
    }
    pc_audit_verifier_end(verifier, out);
    pc_audit_verifier_free(verifier);
    return good ? EXIT_CODE_OK : EXIT_CODE_OTHER;
}
