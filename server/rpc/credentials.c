/* Files are read and parsed with OpenSSL first, so that a bad one is named with what is wrong. */
#include "rpc/credentials.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/buffer.h"

enum { PEM_BYTES_MAX = 1024 * 1024 };

static pc_status bad_file(const char *path, const char *what)
{
    return pc_status_new(PC_CODE_FAILED_PRECONDITION, "TLS_FILE_INVALID", "%s: %s", path, what);
}

static pc_status read_file(char **out, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return bad_file(path, "cannot be read; check the path and its permissions");
    }
    pc_buffer text;
    pc_buffer_init(&text, PEM_BYTES_MAX);
    uint8_t block[4096];
    for (size_t n; (n = fread(block, 1, sizeof block, file)) > 0;) {
        pc_buffer_append(&text, block, n);
    }
    bool broken = ferror(file) != 0;
    (void)fclose(file);
    OPENSSL_cleanse(block, sizeof block);
    *out = broken ? NULL : pc_buffer_take_text(&text);
    pc_buffer_deinit(&text);
    return *out == NULL ? bad_file(path, "cannot be read, or is larger than 1 MiB") : PC_OK;
}

static X509 *parse_certificate(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    return certificate;
}

static EVP_PKEY *parse_key(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    return key;
}

static pc_status check_pair(const pc_rpc_options *options, const char *chain, const char *key_text)
{
    pc_status status = PC_OK;
    X509 *certificate = parse_certificate(chain);
    EVP_PKEY *key = parse_key(key_text);
    if (certificate == NULL) {
        status = bad_file(options->tls_certificate_file, "holds no certificate in PEM form");
    } else if (key == NULL) {
        status = bad_file(options->tls_key_file, "holds no private key in PEM form");
    } else if (X509_check_private_key(certificate, key) != 1) {
        status = bad_file(options->tls_key_file, "does not belong to the certificate");
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return status;
}

static void free_secret(char *text)
{
    if (text != NULL) {
        OPENSSL_cleanse(text, strlen(text));
        free(text);
    }
}

pc_status pc_rpc_credentials(grpc_server_credentials **out, const pc_rpc_options *options)
{
    *out = NULL;
    if (options->tls_certificate_file == NULL) {
        *out = grpc_insecure_server_credentials_create();
        return PC_OK;
    }
    char *chain = NULL;
    char *key = NULL;
    char *client_ca = NULL;
    pc_status status = read_file(&chain, options->tls_certificate_file);
    if (pc_status_ok(&status)) {
        status = read_file(&key, options->tls_key_file);
    }
    if (pc_status_ok(&status)) {
        status = check_pair(options, chain, key);
    }
    if (pc_status_ok(&status) && options->tls_client_ca_file != NULL) {
        status = read_file(&client_ca, options->tls_client_ca_file);
        X509 *ca = client_ca == NULL ? NULL : parse_certificate(client_ca);
        if (pc_status_ok(&status) && ca == NULL) {
            status = bad_file(options->tls_client_ca_file, "holds no certificate in PEM form");
        }
        X509_free(ca);
        ERR_clear_error();
    }
    if (pc_status_ok(&status)) {
        grpc_ssl_pem_key_cert_pair pair = {.private_key = key, .cert_chain = chain};
        *out = grpc_ssl_server_credentials_create_ex(
            client_ca, &pair, 1,
            client_ca == NULL ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                              : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY,
            NULL);
        if (*out == NULL) {
            status = bad_file(options->tls_certificate_file, "was refused by gRPC core");
        }
    }
    free(chain);
    free(client_ca);
    free_secret(key);
    return status;
}
