/* Audiences, merge policies and namespaces: documents that are only ever looked up. */
#ifndef SBX_DOCUMENTS_H
#define SBX_DOCUMENTS_H

#include "service.h"

sbx_handler sbx_audiences_list;
sbx_handler sbx_audience_get;
sbx_handler sbx_audiences_bulk;
sbx_handler sbx_policies_list;
sbx_handler sbx_policy_get;
sbx_handler sbx_policies_bulk;
sbx_handler sbx_namespaces_list;

#endif
