/* The key is elliptic, as that takes no time to make. */
#include "fake_tls.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void need(int success, const char *what)
{
    if (!success) {
        (void)fprintf(stderr, "fake_tls: %s\n", what);
        abort();
    }
}

static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    need(certificate != NULL, "certificate");
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"fake", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost");
    need(names != NULL && X509_add_ext(certificate, names, -1), "alternative name");
    X509_EXTENSION_free(names);
    need(X509_sign(certificate, key, EVP_sha256()) > 0, "signature");
    return certificate;
}

void fake_tls_init(fake_tls *tls)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    need(key != NULL, "key");
    X509 *certificate = make_certificate(key);
    tls->context = SSL_CTX_new(TLS_server_method());
    need(tls->context != NULL && SSL_CTX_use_certificate(tls->context, certificate) == 1 &&
             SSL_CTX_use_PrivateKey(tls->context, key) == 1,
         "context");
    (void)snprintf(tls->ca_file, sizeof tls->ca_file, "/tmp/fake_tls_XXXXXX");
    int descriptor = mkstemp(tls->ca_file);
    need(descriptor >= 0, "file");
    FILE *file = fdopen(descriptor, "w");
    need(file != NULL && PEM_write_X509(file, certificate) == 1, "file");
    (void)fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void fake_tls_deinit(fake_tls *tls)
{
    (void)unlink(tls->ca_file);
    SSL_CTX_free(tls->context);
}
