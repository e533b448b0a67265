/* The Content-Security-Policy of a page that brings its own style and script: these two by their
 * hashes, data from where the page came from, and nothing else.
 * Threads: pure. */
#ifndef PC_OPERATOR_CONTENT_POLICY_H
#define PC_OPERATOR_CONTENT_POLICY_H

#include <stddef.h>

#include "util/status.h"

enum { PC_CONTENT_POLICY_BYTES = 512 };

/* The page has one <style> and one <script>, both without attributes. Errors: INTERNAL when it has
 * not, or OpenSSL fails. */
PC_NODISCARD pc_status pc_content_policy(char out[PC_CONTENT_POLICY_BYTES], const char *page,
                                         size_t size);

#endif
