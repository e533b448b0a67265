/* The status page, made from status.html at build time.
 * Threads: never changes. */
#ifndef PC_OPERATOR_STATUS_HTML_H
#define PC_OPERATOR_STATUS_HTML_H

#include <stddef.h>

extern const char pc_status_html[]; /* not NUL-terminated */
extern const size_t pc_status_html_size;

#endif
