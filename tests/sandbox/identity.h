/* /data/core/identity: the XID of an identity, and the identities that are linked to it. */
#ifndef SBX_IDENTITY_H
#define SBX_IDENTITY_H

#include "service.h"

sbx_handler sbx_identity_get;
sbx_handler sbx_identity_graph;

#endif
