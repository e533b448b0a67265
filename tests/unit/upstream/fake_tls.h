/* A self-made certificate for "localhost" and a TLS server context that shows it. */
#ifndef FAKE_TLS_H
#define FAKE_TLS_H

#include <openssl/ssl.h>

typedef struct {
    SSL_CTX *context;
    char ca_file[64]; /* the certificate as PEM, in a file of its own */
} fake_tls;

/* Aborts the test when that fails. */
void fake_tls_init(fake_tls *tls);

/* Also removes the file. */
void fake_tls_deinit(fake_tls *tls);

#endif
