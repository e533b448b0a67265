/* Writes JSON: objects and arrays are opened and closed, commas and escapes come by themselves.
 * Names are constants of ours; texts may be any bytes.
 * Threads: one at a time. */
#ifndef PC_TELEMETRY_JSON_OUT_H
#define PC_TELEMETRY_JSON_OUT_H

#include "util/buffer.h"

typedef struct {
    pc_buffer *out;
    bool wants_comma;
} pc_json_out;

/* The name of a member, or NULL in an array and for the whole. */
void pc_json_out_open(pc_json_out *json, const char *name, char bracket); /* '{' or '[' */
void pc_json_out_close(pc_json_out *json, char bracket);                  /* '}' or ']' */
void pc_json_out_text(pc_json_out *json, const char *name, const char *text);
void pc_json_out_int(pc_json_out *json, const char *name, int64_t number);
void pc_json_out_flag(pc_json_out *json, const char *name, bool flag);
void pc_json_out_null(pc_json_out *json, const char *name);

/* With at most `decimals` digits behind the point; null for what is not finite. */
void pc_json_out_number(pc_json_out *json, const char *name, double number, int decimals);

#endif
