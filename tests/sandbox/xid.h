/* XIDs: the opaque names the Entity API gives to identities. */
#ifndef SBX_XID_H
#define SBX_XID_H

#include <stdbool.h>

enum { SBX_XID_LENGTH = 24, SBX_XID_SIZE = SBX_XID_LENGTH + 1 };

/* The XID of an identity depends on nothing but its namespace (folded to lower case by the caller)
 * and id, so it is the same after every start and in every database. */
void sbx_xid_make(char out[SBX_XID_SIZE], const char *ns_folded, const char *id);

/* Whether text has the shape of an XID; lets a lookup without namespace fail early. */
bool sbx_xid_valid(const char *text);

/* A version-4-shaped UUID from two seeds. */
void sbx_uuid_make(char out[37], unsigned long long high, unsigned long long low);

#endif
