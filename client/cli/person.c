/* How a person is named on the command line. */
#include "person.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const usual_namespaces[] = {"Email", "Phone", "ECID", "CRMID"};

const char *person_parse(person *out, const char *text)
{
    *out = (person){0};
    const char *colon = strchr(text, ':');
    if (colon == NULL) {
        return strchr(text, '@') != NULL ? "a namespace is missing: write email:ADDRESS"
                                         : "write NAMESPACE:ID, such as email:ada@example.com";
    }
    size_t size = (size_t)(colon - text);
    if (size == 0) {
        return "the namespace before the colon is missing";
    }
    if (colon[1] == '\0') {
        return "the id after the colon is missing";
    }
    if (size >= PERSON_NAMESPACE_SIZE) {
        return "the namespace is longer than 128 characters";
    }
    memcpy(out->namespace_code, text, size);
    out->namespace_code[size] = '\0';
    out->id = colon + 1;
    if (strcasecmp(out->namespace_code, "xid") == 0) {
        out->by_xid = true;
        out->namespace_code[0] = '\0';
    }
    for (size_t i = 0; i < sizeof usual_namespaces / sizeof *usual_namespaces; i++) {
        if (strcasecmp(out->namespace_code, usual_namespaces[i]) == 0) {
            snprintf(out->namespace_code, sizeof out->namespace_code, "%s", usual_namespaces[i]);
        }
    }
    return NULL;
}
