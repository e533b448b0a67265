/* The token endpoint, and the checks the API gateway makes before a service is reached. */
#ifndef SBX_GATEWAY_H
#define SBX_GATEWAY_H

#include "answer.h"
#include "request.h"

#include <stdint.h>

struct sbx_credentials {
    const char *client_id;
    const char *client_secret;
    const char *org;
    const char *sandbox;
    int token_lifetime_s;
};

typedef struct sbx_gateway sbx_gateway;

/* The strings of credentials must outlive the gateway. */
sbx_gateway *sbx_gateway_new(const struct sbx_credentials *credentials);
void sbx_gateway_free(sbx_gateway *gateway);

/* POST /ims/token/v3 */
void sbx_gateway_token(sbx_gateway *gateway, const struct sbx_request *request, int64_t now_ms,
                       struct sbx_answer *answer);

/* True when the request may pass; otherwise the answer says why not. */
bool sbx_gateway_check(sbx_gateway *gateway, const struct sbx_request *request, int64_t now_ms,
                       struct sbx_answer *answer);

/* Makes every token issued so far invalid, as if a secret had been rotated. Any thread. */
void sbx_gateway_revoke(sbx_gateway *gateway);

#endif
