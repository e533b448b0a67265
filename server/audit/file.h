/* The file of an audit trail: lines are chained, appended, and never changed or taken back. What a
 * crash or a full disk left unfinished stays where it is, and the next line tells of it.
 * Threads: one at a time. */
#ifndef PC_AUDIT_FILE_H
#define PC_AUDIT_FILE_H

#include "audit/chain.h"
#include "util/buffer.h"

typedef struct pc_audit_file pc_audit_file;

/* Opens the trail at `path`, or begins one that goes on from the newest file that was rotated away
 * from there. Nobody else may have it open. Owned: pc_audit_file_close. Errors: FAILED_PRECONDITION
 * with reason AUDIT_FILE_UNUSABLE, AUDIT_FILE_IN_USE or AUDIT_FILE_FOREIGN; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_audit_file_open(pc_audit_file **out, const char *path);

/* Frees; what is not written is lost. NULL is allowed. */
void pc_audit_file_close(pc_audit_file *file);

/* Begins the next line; its fields are appended to what is returned, each as `,"name":value`. */
pc_buffer *pc_audit_file_begin(pc_audit_file *file, pc_audit_event event, int64_t wall_ms);

/* Ends the line. False when it cannot be kept: it is taken back, the chain goes on without it. */
bool pc_audit_file_end(pc_audit_file *file);

/* Writes what there is, or as much as goes; the rest stays for the next time. Errors: UNAVAILABLE
 * with reason AUDIT_NOT_WRITTEN. */
PC_NODISCARD pc_status pc_audit_file_flush(pc_audit_file *file);

/* Bytes of lines that are not written. */
size_t pc_audit_file_waiting(const pc_audit_file *file);

/* Has the disk keep what was written. False when it cannot. */
bool pc_audit_file_sync(pc_audit_file *file);

/* Goes on at the path when what we write to was moved away from there: `*lost` is how many lines
 * had to be given up for that. When the new file cannot be had the old one is kept. Errors as of
 * pc_audit_file_open. */
PC_NODISCARD pc_status pc_audit_file_reopen(pc_audit_file *file, uint64_t *lost);

/* Moves the file to `PATH.SEQUENCE`, where that is the number of its first line, and begins a new
 * one. Errors as above. */
PC_NODISCARD pc_status pc_audit_file_rotate(pc_audit_file *file, uint64_t *lost);

/* Of the file, without what waits. 0 where it is no plain file. */
uint64_t pc_audit_file_size(const pc_audit_file *file);

/* The newest line, written or not. */
pc_audit_place pc_audit_file_place(const pc_audit_file *file);

#endif
