/* One HTTP request as the handlers see it, whatever server carried it. */
#ifndef SBX_REQUEST_H
#define SBX_REQUEST_H

#include "text.h"

#include <jansson.h>
#include <stdint.h>

enum { SBX_ARGUMENTS_MAX = 64 };

struct sbx_argument {
    char *name;
    char *value;
};

struct sbx_request {
    char *method;
    char *path;     /* decoded */
    char *query;    /* as it was sent, "" without one */
    bool malformed; /* bad percent-encoding, a NUL, or too many arguments */
    struct sbx_argument arguments[SBX_ARGUMENTS_MAX];
    size_t argument_count;
    /* Headers that matter, borrowed from the connection; NULL when absent. */
    const char *authorization;
    const char *api_key;
    const char *org;
    const char *sandbox;
    const char *content_type;
    const char *accept_encoding;
    const char *request_id;
    bool loopback;
    struct sbx_text body;
    json_t *json; /* the body of a POST or PUT, NULL when it is not JSON */
};

/* Splits and decodes the target ("/path?query"). '+' in a query is a space, as it is everywhere:
 * a caller that forgets to encode the '+' of a phone number gets what it deserves. */
void sbx_request_init(struct sbx_request *request, const char *method, const char *target);
void sbx_request_deinit(struct sbx_request *request);

/* The first argument of that name, or NULL; nth counts from 0. */
const char *sbx_request_argument(const struct sbx_request *request, const char *name);
const char *sbx_request_nth_argument(const struct sbx_request *request, const char *name,
                                     size_t nth);

/* Appends text percent-encoded. */
void sbx_percent_encode(struct sbx_text *out, const char *text);

/* Reads "a=b&c=d"; used for queries and for form bodies. False when malformed. */
bool sbx_arguments_parse(struct sbx_argument *out, size_t *count, const char *text, size_t length);

#endif
