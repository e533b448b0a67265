/* What would leave the server open, or closed to all, without anyone meaning it does not start. */
#include <string.h>

#include "config/config_internal.h"

/* The places of identity.mode's choices. */
enum { MODE_AUTO, MODE_NONE, MODE_CERTIFICATE, MODE_TOKEN, MODE_BOTH, MODE_EITHER, MODE_FORWARDED };

static bool given(const char *text)
{
    return text[0] != '\0';
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static bool is_unix(const char *address)
{
    return starts_with(address, "unix:");
}

static bool is_loopback(const char *address)
{
    return starts_with(address, "127.") || starts_with(address, "localhost:") ||
           starts_with(address, "[::1]:");
}

static void check_tokens(const pc_config *c, pc_config_errors *errors)
{
    int64_t mode = c->identity.mode;
    bool has_keys = given(c->identity.jwks_file) || given(c->identity.jwks_url);
    if (mode != MODE_TOKEN && mode != MODE_BOTH && mode != MODE_EITHER) {
        if (has_keys || given(c->identity.issuer) || given(c->identity.audience)) {
            config_error(errors, "identity.mode: takes no tokens, but identity.jwks_*, issuer or "
                                 "audience is given; set it to token, certificate_and_token or "
                                 "certificate_or_token");
        }
        return;
    }
    if (given(c->identity.jwks_file) == given(c->identity.jwks_url)) {
        config_error(errors, "identity.jwks_file, identity.jwks_url: tokens need one of them");
    }
    if (!given(c->identity.issuer) || !given(c->identity.audience) ||
        !given(c->identity.caller_claim)) {
        config_error(errors, "identity.issuer, identity.audience, identity.caller_claim: are "
                             "required with tokens");
    }
    if (!given(c->listen.tls_certificate_file) && !is_unix(c->listen.address) &&
        !is_loopback(c->listen.address) && !c->identity.allow_plain_tokens) {
        config_error(errors,
                     "identity.mode: tokens would travel in the clear; give "
                     "listen.tls_certificate_file, listen on loopback or a UNIX socket, or set "
                     "identity.allow_plain_tokens");
    }
}

static void check_certificates(const pc_config *c, pc_config_errors *errors)
{
    int64_t mode = c->identity.mode;
    if ((mode == MODE_CERTIFICATE || mode == MODE_BOTH || mode == MODE_EITHER) &&
        !given(c->listen.tls_client_ca_file)) {
        config_error(errors, "identity.mode: callers' certificates need listen.tls_client_ca_file");
    }
}

/* What gRPC gives to calls as a header, and does not use itself. */
static bool is_header_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
    size_t length = strlen(name);
    return length > 0 && length <= 64 && strspn(name, allowed) == length &&
           !starts_with(name, "grpc-") && strcmp(name, "authorization") != 0 &&
           !(length >= 4 && strcmp(name + length - 4, "-bin") == 0);
}

static void check_forwarding(const pc_config *c, pc_config_errors *errors)
{
    bool has_proxies = given(c->identity.proxies) || c->identity.trust_unix_socket;
    if (!given(c->identity.forwarded_header)) {
        if (has_proxies || c->identity.mode == MODE_FORWARDED) {
            config_error(errors, "identity.forwarded_header: is required with identity.proxies, "
                                 "trust_unix_socket and the mode forwarded");
        }
        return;
    }
    if (!is_header_name(c->identity.forwarded_header)) {
        config_error(errors, "identity.forwarded_header: must be a header's name in lower case, "
                             "not authorization, grpc-* or *-bin");
    }
    if (!has_proxies) {
        config_error(errors, "identity.forwarded_header: needs identity.proxies or "
                             "identity.trust_unix_socket");
    }
    if (given(c->identity.proxies) && !given(c->listen.tls_client_ca_file)) {
        config_error(errors, "identity.proxies: are known by their certificates, which need "
                             "listen.tls_client_ca_file");
    }
    if (c->identity.trust_unix_socket && !is_unix(c->listen.address)) {
        config_error(errors, "identity.trust_unix_socket: needs listen.address to be unix:/path");
    }
}

void config_check_identity(const pc_config *config, pc_config_errors *errors)
{
    check_certificates(config, errors);
    check_tokens(config, errors);
    check_forwarding(config, errors);
}
