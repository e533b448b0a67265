/* /data/core/ups/access/entities for profiles, accounts and opportunities. */
#ifndef SBX_ENTITIES_H
#define SBX_ENTITIES_H

#include "service.h"

sbx_handler sbx_entities_get;
sbx_handler sbx_entities_batch;
sbx_handler sbx_entities_delete;

#endif
