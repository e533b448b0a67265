/* The files of an audit trail, read once, oldest first, and verified on the way. */
#ifndef PROFILECTL_AUDIT_FILES_H
#define PROFILECTL_AUDIT_FILES_H

#include "audit/verify.h"
#include "failure.h"

typedef struct {
    const char *const *paths;
    size_t count;
    const pc_audit_place *anchor; /* that the trail must have, or NULL */
    /* Called for what is read, in pieces; size 0 begins a file. NULL: nobody wants it. */
    void (*take)(void *self, const char *bytes, size_t size);
    void *self;
} audit_files;

/* Fills `*out`. Says itself what cannot be read, and then returns another exit code than 0. */
exit_code audit_files_read(pc_audit_report *out, const audit_files *files);

#endif
