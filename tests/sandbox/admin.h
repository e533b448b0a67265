/* The sandbox's own endpoint, /_sandbox: for tests, on loopback only. */
#ifndef SBX_ADMIN_H
#define SBX_ADMIN_H

#include "service.h"

sbx_handler sbx_admin_get_faults;
sbx_handler sbx_admin_put_faults; /* PUT replaces, PATCH changes, DELETE resets */
sbx_handler sbx_admin_get_stats;
sbx_handler sbx_admin_reset_stats;
sbx_handler sbx_admin_revoke; /* DELETE /_sandbox/tokens */
sbx_handler sbx_admin_load;   /* POST /_sandbox/records: NDJSON as for --load */

#endif
