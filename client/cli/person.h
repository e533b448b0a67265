/* How a person is named on the command line: namespace:id, or xid:value. */
#ifndef PROFILECTL_PERSON_H
#define PROFILECTL_PERSON_H

#include <stdbool.h>

enum { PERSON_NAMESPACE_SIZE = 129 };

typedef struct {
    bool by_xid;
    char namespace_code[PERSON_NAMESPACE_SIZE]; /* empty by XID */
    const char *id;                             /* the id or the XID; borrows the argument */
} person;

/* Reads the argument. The names email, phone, ecid and crmid stand for Email, Phone, ECID and
 * CRMID, whatever their case. On failure returns what is wrong, in words; NULL when all is well. */
const char *person_parse(person *out, const char *text);

#endif
