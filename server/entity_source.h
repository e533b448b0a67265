/* Fits the Entity API client of upstream/ to what context/ wants of a source. */
#ifndef PC_ENTITY_SOURCE_H
#define PC_ENTITY_SOURCE_H

#include "context/source.h"
#include "upstream/entity.h"

/* A source over `client`, which must outlive it. */
pc_source pc_entity_source(pc_entity_client *client);

#endif
