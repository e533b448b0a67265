/* The client: a channel to the server, and the credentials it is made with. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/grpc_security.h>

#include "internal.h"

enum { PEM_BYTES_MAX = 4 << 20, CHANNEL_ARGS_MAX = 8 };

/* Reads a whole file, zero-terminated as gRPC wants it. Returns 0 or what errno says. */
static int read_file(char **out, const char *path)
{
    *out = NULL;
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return errno;
    }
    /* It may be a key, and a buffer of stdio's would not be wiped. */
    (void)setvbuf(file, NULL, _IONBF, 0);
    size_t size = 0;
    size_t capacity = 16384;
    char *text = NULL;
    int failure = 0;
    for (;;) {
        char *grown = realloc(text, capacity + 1);
        if (grown == NULL) {
            failure = ENOMEM;
            break;
        }
        text = grown;
        size += fread(text + size, 1, capacity - size, file);
        if (ferror(file)) {
            failure = errno != 0 ? errno : EIO;
            break;
        }
        if (size < capacity) {
            text[size] = '\0';
            break;
        }
        capacity *= 2;
        if (capacity > PEM_BYTES_MAX) {
            failure = EFBIG;
            break;
        }
    }
    fclose(file);
    if (failure != 0) {
        free(text);
        return failure;
    }
    *out = text;
    return 0;
}

/* Reads the file of an option, if it is set. */
static profilecontext_code read_pem(char **out, const char *path, profilecontext_status *status)
{
    *out = NULL;
    if (path == NULL) {
        return PROFILECONTEXT_OK;
    }
    int failure = read_file(out, path);
    if (failure != 0) {
        return pcc_status_set(status, PROFILECONTEXT_INVALID_ARGUMENT, "cannot read %s: %s", path,
                              strerror(failure));
    }
    return PROFILECONTEXT_OK;
}

static profilecontext_code make_tls_credentials(grpc_channel_credentials **out,
                                                const profilecontext_options *options,
                                                profilecontext_status *status)
{
    char *ca = NULL;
    char *cert = NULL;
    char *key = NULL;
    *out = NULL;
    profilecontext_code code = read_pem(&ca, options->ca_file, status);
    if (code == PROFILECONTEXT_OK) {
        code = read_pem(&cert, options->cert_file, status);
    }
    if (code == PROFILECONTEXT_OK) {
        code = read_pem(&key, options->key_file, status);
    }
    if (code == PROFILECONTEXT_OK) {
        grpc_ssl_pem_key_cert_pair pair = {.private_key = key, .cert_chain = cert};
        *out = grpc_ssl_credentials_create_ex(ca, cert == NULL ? NULL : &pair, NULL, NULL);
        if (*out == NULL) {
            code = pcc_status_set(status, PROFILECONTEXT_INVALID_ARGUMENT,
                                  "the certificates or the key cannot be used");
        }
    }
    if (key != NULL) {
        explicit_bzero(key, strlen(key));
    }
    free(ca);
    free(cert);
    free(key);
    return code;
}

static profilecontext_code check_options(const profilecontext_options *options,
                                         profilecontext_status *status)
{
    if (options == NULL || options->target == NULL || *options->target == '\0') {
        return pcc_status_set(status, PROFILECONTEXT_INVALID_ARGUMENT, "the target is missing");
    }
    if ((options->cert_file == NULL) != (options->key_file == NULL)) {
        return pcc_status_set(status, PROFILECONTEXT_INVALID_ARGUMENT,
                              "a client certificate and its key belong together");
    }
    if (!options->tls && (options->ca_file != NULL || options->cert_file != NULL)) {
        return pcc_status_set(status, PROFILECONTEXT_INVALID_ARGUMENT,
                              "certificates are given, but TLS is off");
    }
    if (options->max_message_bytes > INT32_MAX) {
        return pcc_status_set(status, PROFILECONTEXT_INVALID_ARGUMENT,
                              "a message can have at most 2147483647 bytes");
    }
    return PROFILECONTEXT_OK;
}

static grpc_arg string_arg(const char *key, const char *value)
{
    /* gRPC copies both; its types are older than const. */
    union {
        const char *in;
        char *out;
    } k = {.in = key}, v = {.in = value};
    return (grpc_arg){.type = GRPC_ARG_STRING, .key = k.out, .value.string = v.out};
}

static grpc_arg number_arg(const char *key, int value)
{
    grpc_arg arg = string_arg(key, NULL);
    arg.type = GRPC_ARG_INTEGER;
    arg.value.integer = value;
    return arg;
}

static size_t message_limit(const profilecontext_options *options)
{
    return options->max_message_bytes == 0 ? PCC_MESSAGE_BYTES : options->max_message_bytes;
}

static grpc_channel *make_channel(const profilecontext_options *options, bool private_channel,
                                  grpc_channel_credentials *credentials)
{
    grpc_arg args[CHANNEL_ARGS_MAX];
    size_t count = 0;
    args[count++] = number_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int)message_limit(options));
    args[count++] =
        string_arg(GRPC_ARG_SECONDARY_USER_AGENT_STRING, "profilecontext-c/" PC_VERSION);
    if (options->user_agent != NULL) {
        args[count++] = string_arg(GRPC_ARG_PRIMARY_USER_AGENT_STRING, options->user_agent);
    }
    if (options->service_config != NULL) {
        args[count++] = string_arg(GRPC_ARG_SERVICE_CONFIG, options->service_config);
    }
    if (options->server_name != NULL) {
        args[count++] = string_arg(GRPC_ARG_DEFAULT_AUTHORITY, options->server_name);
        if (options->tls) {
            args[count++] = string_arg(GRPC_SSL_TARGET_NAME_OVERRIDE_ARG, options->server_name);
        }
    }
    if (private_channel) {
        args[count++] = number_arg(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
        args[count++] = number_arg(GRPC_ARG_ENABLE_RETRIES, 0);
    }
    grpc_channel_args all = {.num_args = count, .args = args};
    return grpc_channel_create(options->target, credentials, &all);
}

profilecontext_code pcc_channel_new(grpc_channel **out, const profilecontext_options *options,
                                    bool private_channel, profilecontext_status *status)
{
    *out = NULL;
    grpc_channel_credentials *credentials = NULL;
    if (options->tls) {
        profilecontext_code code = make_tls_credentials(&credentials, options, status);
        if (code != PROFILECONTEXT_OK) {
            return code;
        }
    } else {
        credentials = grpc_insecure_credentials_create();
    }
    *out = make_channel(options, private_channel, credentials);
    grpc_channel_credentials_release(credentials);
    return PROFILECONTEXT_OK;
}

profilecontext_code profilecontext_client_new(profilecontext_client **out,
                                              const profilecontext_options *options,
                                              profilecontext_status *status)
{
    *out = NULL;
    if (status != NULL) {
        profilecontext_status_clear(status);
    }
    profilecontext_code code = check_options(options, status);
    if (code != PROFILECONTEXT_OK) {
        return code;
    }
    profilecontext_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return pcc_status_set(status, PROFILECONTEXT_RESOURCE_EXHAUSTED, "out of memory");
    }
    client->max_message_bytes = message_limit(options);
    grpc_init();
    code = pcc_channel_new(&client->channel, options, false, status);
    if (code != PROFILECONTEXT_OK) {
        grpc_shutdown();
        free(client);
        return code;
    }
    *out = client;
    return PROFILECONTEXT_OK;
}

void profilecontext_client_free(profilecontext_client *client)
{
    if (client != NULL) {
        grpc_channel_destroy(client->channel);
        grpc_shutdown();
        free(client);
    }
}

const char *profilecontext_version(void)
{
    return PC_VERSION;
}
