/* /data/core/ups/access/entities for experience events. */
#ifndef SBX_EVENTS_H
#define SBX_EVENTS_H

#include "service.h"

sbx_handler sbx_events_get;
sbx_handler sbx_events_batch;

#endif
