/* Tokens and gateway checks, see gateway.h.
 *
 * A token carries its own expiry and is sealed with a key made at start, so nothing has to be
 * remembered, a hundred thousand tokens cost nothing, and a restart invalidates them all. */
#include "gateway.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { KEY_SIZE = 32, SEAL_SIZE = 64 };

struct sbx_gateway {
    struct sbx_credentials credentials;
    pthread_mutex_t lock; /* guards key */
    unsigned char key[KEY_SIZE];
};

sbx_gateway *sbx_gateway_new(const struct sbx_credentials *credentials)
{
    sbx_gateway *gateway = sbx_alloc(sizeof(*gateway));
    gateway->credentials = *credentials;
    pthread_mutex_init(&gateway->lock, NULL);
    sbx_gateway_revoke(gateway);
    return gateway;
}

void sbx_gateway_free(sbx_gateway *gateway)
{
    if (gateway != NULL) {
        pthread_mutex_destroy(&gateway->lock);
        free(gateway);
    }
}

void sbx_gateway_revoke(sbx_gateway *gateway)
{
    pthread_mutex_lock(&gateway->lock);
    if (RAND_bytes(gateway->key, KEY_SIZE) != 1) {
        fputs("entity-sandbox: no randomness\n", stderr);
        abort();
    }
    pthread_mutex_unlock(&gateway->lock);
}

static void seal(sbx_gateway *gateway, const char *text, size_t length, char out[SEAL_SIZE + 1])
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    pthread_mutex_lock(&gateway->lock);
    HMAC(EVP_sha256(), gateway->key, KEY_SIZE, (const unsigned char *)text, length, mac, &size);
    pthread_mutex_unlock(&gateway->lock);
    for (unsigned i = 0; i < SEAL_SIZE / 2; i++) {
        snprintf(out + i * 2, 3, "%02x", mac[i]);
    }
}

static const char *form_value(const struct sbx_argument *form, size_t count,
                              const struct sbx_request *request, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (form[i].name != NULL && form[i].value != NULL && strcmp(form[i].name, name) == 0) {
            return form[i].value;
        }
    }
    return sbx_request_argument(request, name);
}

static void token_error(struct sbx_answer *answer, const char *error, const char *description)
{
    sbx_answer_json(answer, 400,
                    json_pack("{s:s, s:s}", "error", error, "error_description", description));
}

static void issue(sbx_gateway *gateway, int64_t now_ms, struct sbx_answer *answer)
{
    unsigned char nonce[8];
    RAND_bytes(nonce, sizeof(nonce));
    char token[160];
    int length = snprintf(token, sizeof(token), "sbx.%lld.",
                          (long long)now_ms + 1000LL * gateway->credentials.token_lifetime_s);
    for (size_t i = 0; i < sizeof(nonce); i++) {
        length += snprintf(token + length, sizeof(token) - (size_t)length, "%02x", nonce[i]);
    }
    char seal_text[SEAL_SIZE + 1];
    seal(gateway, token, (size_t)length, seal_text);
    snprintf(token + length, sizeof(token) - (size_t)length, ".%s", seal_text);
    sbx_answer_json(answer, 200,
                    json_pack("{s:s, s:s, s:i}", "access_token", token, "token_type", "bearer",
                              "expires_in", gateway->credentials.token_lifetime_s));
    answer->no_store = true;
}

void sbx_gateway_token(sbx_gateway *gateway, const struct sbx_request *request, int64_t now_ms,
                       struct sbx_answer *answer)
{
    struct sbx_argument form[SBX_ARGUMENTS_MAX] = {{0}};
    size_t count = 0;
    bool readable = sbx_arguments_parse(form, &count, request->body.data, request->body.length);
    const char *grant = form_value(form, count, request, "grant_type");
    const char *id = form_value(form, count, request, "client_id");
    const char *secret = form_value(form, count, request, "client_secret");
    if (!readable) {
        token_error(answer, "invalid_request", "the form cannot be read");
    } else if (grant == NULL || id == NULL) {
        token_error(answer, "invalid_request", "missing grant_type or client_id parameter");
    } else if (strcmp(grant, "client_credentials") != 0) {
        token_error(answer, "unsupported_grant_type", "unsupported grant_type parameter");
    } else if (strcmp(id, gateway->credentials.client_id) != 0) {
        token_error(answer, "invalid_client", "invalid client_id parameter");
    } else if (secret == NULL || strcmp(secret, gateway->credentials.client_secret) != 0) {
        token_error(answer, "invalid_client", "invalid client_secret parameter");
    } else {
        issue(gateway, now_ms, answer);
    }
    for (size_t i = 0; i < count; i++) {
        free(form[i].name);
        free(form[i].value);
    }
}

static bool token_valid(sbx_gateway *gateway, const char *token, int64_t now_ms)
{
    const char *dot = strrchr(token, '.');
    if (strncmp(token, "sbx.", 4) != 0 || dot == NULL || strlen(dot + 1) != SEAL_SIZE) {
        return false;
    }
    char seal_text[SEAL_SIZE + 1];
    seal(gateway, token, (size_t)(dot - token), seal_text);
    return CRYPTO_memcmp(seal_text, dot + 1, SEAL_SIZE) == 0 &&
           strtoll(token + 4, NULL, 10) > now_ms;
}

bool sbx_gateway_check(sbx_gateway *gateway, const struct sbx_request *request, int64_t now_ms,
                       struct sbx_answer *answer)
{
    const struct sbx_credentials *known = &gateway->credentials;
    const char *authorization = request->authorization;
    if (authorization == NULL || authorization[0] == '\0') {
        sbx_answer_gateway_error(answer, 403, "403010", "Oauth token is missing.");
    } else if (strncasecmp(authorization, "Bearer ", 7) != 0 ||
               !token_valid(gateway, authorization + 7, now_ms)) {
        sbx_answer_gateway_error(answer, 401, "401013", "Oauth token is not valid");
    } else if (request->api_key == NULL || request->api_key[0] == '\0') {
        sbx_answer_gateway_error(answer, 403, "403000", "Api Key is required");
    } else if (strcmp(request->api_key, known->client_id) != 0) {
        sbx_answer_gateway_error(answer, 403, "403003", "Api Key is invalid");
    } else if (request->org == NULL || request->org[0] == '\0') {
        sbx_answer_gateway_error(answer, 400, "400003", "Missing header");
    } else if (strcmp(request->org, known->org) != 0) {
        sbx_answer_gateway_error(answer, 403, "403025", "Profile is not valid");
    } else if (request->sandbox != NULL && strcmp(request->sandbox, known->sandbox) != 0) {
        /* A missing header means the default production sandbox, a wrong one never does. */
        sbx_answer_entity_error(answer, 403, "The sandbox does not exist or is not accessible.",
                                NULL);
    } else {
        return true;
    }
    return false;
}
