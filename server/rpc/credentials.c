/* Core asks before each handshake whether there is something new: that is how it is swapped. */
#include "rpc/credentials.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/file.h"

enum { PEM_BYTES_MAX = 1024 * 1024, DIGEST_BYTES = 32 };

/* What the files hold. */
typedef struct {
    char *chain;
    char *key;
    char *client_ca; /* NULL: none */
    int64_t certificate_expiry_s;
    int64_t client_ca_expiry_s;
    uint8_t digest[DIGEST_BYTES];
} tls_files;

struct pc_credentials {
    char *certificate_file; /* NULL: no TLS */
    char *key_file;
    char *client_ca_file; /* NULL: callers need no certificate */
    bool client_optional;
    uint8_t digest[DIGEST_BYTES]; /* of what was loaded last; the loading thread only */
    char *client_ca;              /* the same; NULL: none */
    atomic_int_least64_t certificate_expiry_s;
    atomic_int_least64_t client_ca_expiry_s;

    pthread_mutex_t lock;                       /* guards: loaded */
    grpc_ssl_server_certificate_config *loaded; /* what core has not fetched yet */
};

static pc_status bad_file(const char *path, const char *what)
{
    return pc_status_new(PC_CODE_FAILED_PRECONDITION, "TLS_FILE_INVALID", "%s: %s", path, what);
}

static void free_secret(char *text)
{
    if (text != NULL) {
        OPENSSL_cleanse(text, strlen(text));
        free(text);
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

static pc_status read_pem(char **out, const char *path)
{
    size_t size;
    return pc_file_read(out, &size, path, PEM_BYTES_MAX, "TLS_FILE_INVALID");
}

/* Seconds since 1970; 0 when it says none. */
static int64_t expiry_of(const X509 *certificate)
{
    struct tm when;
    return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &when) == 1 ? timegm(&when) : 0;
}

/* Reads the next certificate of a file; NULL at its end, with `*bad` set when what follows is
 * none. */
static X509 *next_certificate(BIO *from, bool *bad)
{
    ERR_clear_error();
    X509 *certificate = PEM_read_bio_X509(from, NULL, NULL, NULL);
    if (certificate == NULL) {
        unsigned long error = ERR_peek_last_error();
        *bad = ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE;
    }
    return certificate;
}

static EVP_PKEY *parse_key(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    return key;
}

/* Tries the pair as a handshake would: that finds keys that are too weak as well. */
static pc_status try_pair(const pc_credentials *to, X509 *certificate, EVP_PKEY *key)
{
    SSL_CTX *trial = SSL_CTX_new(TLS_server_method());
    pc_status status = PC_OK;
    if (trial == NULL) {
        status = pc_status_out_of_memory();
    } else if (SSL_CTX_use_certificate(trial, certificate) != 1) {
        status = bad_file(to->certificate_file, "cannot be used; its key may be too short");
    } else if (SSL_CTX_use_PrivateKey(trial, key) != 1 || SSL_CTX_check_private_key(trial) != 1) {
        status = bad_file(to->key_file, "does not belong to the certificate");
    }
    SSL_CTX_free(trial);
    return status;
}

static pc_status check_pair(const pc_credentials *to, tls_files *files)
{
    BIO *bio = BIO_new_mem_buf(files->chain, -1);
    bool bad = false;
    X509 *certificate = bio == NULL ? NULL : next_certificate(bio, &bad);
    EVP_PKEY *key = parse_key(files->key);
    pc_status status;
    for (X509 *next; certificate != NULL && (next = next_certificate(bio, &bad)) != NULL;) {
        X509_free(next);
    }
    if (certificate == NULL || bad) {
        status = bad_file(to->certificate_file, bad ? "holds what is no certificate"
                                                    : "holds no certificate in PEM form");
    } else if (key == NULL) {
        status = bad_file(to->key_file, "holds no private key in PEM form");
    } else if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
        status = bad_file(to->certificate_file, "has expired");
    } else {
        files->certificate_expiry_s = expiry_of(certificate);
        status = try_pair(to, certificate, key);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    BIO_free(bio);
    ERR_clear_error();
    return status;
}

static pc_status check_client_ca(const pc_credentials *to, tls_files *files)
{
    BIO *bio = BIO_new_mem_buf(files->client_ca, -1);
    size_t count = 0;
    bool bad = bio == NULL;
    for (X509 *ca; !bad && (ca = next_certificate(bio, &bad)) != NULL; count++) {
        int64_t expiry_s = expiry_of(ca);
        if (count == 0 || expiry_s < files->client_ca_expiry_s) {
            files->client_ca_expiry_s = expiry_s;
        }
        X509_free(ca);
    }
    BIO_free(bio);
    ERR_clear_error();
    return bad          ? bad_file(to->client_ca_file, "holds what is no certificate")
           : count == 0 ? bad_file(to->client_ca_file, "holds no certificate in PEM form")
                        : PC_OK;
}

static bool has_certificate(const char *pem, const X509 *wanted)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    bool bad = bio == NULL;
    bool found = false;
    for (X509 *next; !found && !bad && (next = next_certificate(bio, &bad)) != NULL;) {
        found = X509_cmp(next, wanted) == 0;
        X509_free(next);
    }
    BIO_free(bio);
    return found;
}

/* Whether a certificate of the one is not in the other. */
static bool lacks_any(const char *pem, const char *of)
{
    BIO *bio = BIO_new_mem_buf(of, -1);
    bool bad = bio == NULL;
    bool lacks = bad;
    for (X509 *next; !lacks && !bad && (next = next_certificate(bio, &bad)) != NULL;) {
        lacks = !has_certificate(pem, next);
        X509_free(next);
    }
    BIO_free(bio);
    ERR_clear_error();
    return lacks;
}

/* Texts with their ends, so that nothing moves from one to the other unseen. */
static pc_status digest(tls_files *files)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const char *const texts[] = {files->chain, files->key, files->client_ca};
    bool good = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; good && i < PC_COUNT_OF(texts); i++) {
        const char *text = texts[i] == NULL ? "" : texts[i];
        good = EVP_DigestUpdate(context, text, strlen(text) + 1) == 1;
    }
    good = good && EVP_DigestFinal_ex(context, files->digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    return good ? PC_OK : pc_status_out_of_memory();
}

static pc_status read_files(const pc_credentials *to, tls_files *files)
{
    pc_status status = read_pem(&files->chain, to->certificate_file);
    if (pc_status_ok(&status)) {
        status = read_pem(&files->key, to->key_file);
    }
    if (pc_status_ok(&status)) {
        status = check_pair(to, files);
    }
    if (pc_status_ok(&status) && to->client_ca_file != NULL) {
        status = read_pem(&files->client_ca, to->client_ca_file);
        if (pc_status_ok(&status)) {
            status = check_client_ca(to, files);
        }
    }
    return pc_status_ok(&status) ? digest(files) : status;
}

/* ---- swapping -------------------------------------------------------------------------------- */

/* Takes the authorities' text. */
static void put_in_place(pc_credentials *credentials, tls_files *files)
{
    const grpc_ssl_pem_key_cert_pair pair = {.private_key = files->key, .cert_chain = files->chain};
    /* Debian's core ends the process when there are no authorities, also when callers' certificates
     * are not asked for; so it gets some that it will not use. */
    grpc_ssl_server_certificate_config *fresh = grpc_ssl_server_certificate_config_create(
        files->client_ca == NULL ? files->chain : files->client_ca, &pair, 1);
    pthread_mutex_lock(&credentials->lock);
    grpc_ssl_server_certificate_config *unfetched = credentials->loaded;
    credentials->loaded = fresh;
    pthread_mutex_unlock(&credentials->lock);
    grpc_ssl_server_certificate_config_destroy(unfetched);
    memcpy(credentials->digest, files->digest, DIGEST_BYTES);
    free(credentials->client_ca);
    credentials->client_ca = files->client_ca;
    files->client_ca = NULL;
    atomic_store(&credentials->certificate_expiry_s, files->certificate_expiry_s);
    atomic_store(&credentials->client_ca_expiry_s, files->client_ca_expiry_s);
}

pc_status pc_credentials_load(pc_credentials *credentials, bool *distrusts)
{
    *distrusts = false;
    if (credentials->certificate_file == NULL) {
        return PC_OK;
    }
    tls_files files = {0};
    pc_status status = read_files(credentials, &files);
    /* The same again would only cost callers the sessions that they could resume. */
    if (pc_status_ok(&status) && memcmp(files.digest, credentials->digest, DIGEST_BYTES) != 0) {
        *distrusts = credentials->client_ca != NULL && files.client_ca != NULL &&
                     lacks_any(files.client_ca, credentials->client_ca);
        put_in_place(credentials, &files);
    }
    free(files.chain);
    free(files.client_ca);
    free_secret(files.key);
    return status;
}

static grpc_ssl_certificate_config_reload_status fetch(void *self,
                                                       grpc_ssl_server_certificate_config **out)
{
    pc_credentials *credentials = self;
    pthread_mutex_lock(&credentials->lock);
    *out = credentials->loaded;
    credentials->loaded = NULL;
    pthread_mutex_unlock(&credentials->lock);
    return *out == NULL ? GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED
                        : GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
}

grpc_server_credentials *pc_credentials_core(pc_credentials *credentials)
{
    if (credentials->certificate_file == NULL) {
        return grpc_insecure_server_credentials_create();
    }
    grpc_ssl_client_certificate_request_type request =
        credentials->client_ca_file == NULL ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
        : credentials->client_optional      ? GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY
                                       : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
    return grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(request, fetch,
                                                                        credentials));
}

pc_tls_expiry pc_credentials_expiry(const pc_credentials *credentials)
{
    return (pc_tls_expiry){
        .certificate_s = atomic_load(&credentials->certificate_expiry_s),
        .client_ca_s = atomic_load(&credentials->client_ca_expiry_s),
    };
}

/* ---- life ------------------------------------------------------------------------------------ */

static char *copy_path(const char *path, bool *complete)
{
    char *copy = path == NULL ? NULL : strdup(path);
    *complete = *complete && (path == NULL || copy != NULL);
    return copy;
}

pc_status pc_credentials_new(pc_credentials **out, const pc_rpc_options *options)
{
    *out = NULL;
    pc_credentials *credentials = calloc(1, sizeof *credentials);
    if (credentials == NULL) {
        return pc_status_out_of_memory();
    }
    pthread_mutex_init(&credentials->lock, NULL);
    bool complete = true;
    credentials->certificate_file = copy_path(options->tls_certificate_file, &complete);
    credentials->key_file = copy_path(options->tls_key_file, &complete);
    credentials->client_ca_file = copy_path(options->tls_client_ca_file, &complete);
    credentials->client_optional = options->tls_client_optional;
    bool distrusts;
    pc_status status =
        complete ? pc_credentials_load(credentials, &distrusts) : pc_status_out_of_memory();
    if (!pc_status_ok(&status)) {
        pc_credentials_free(credentials);
        return status;
    }
    *out = credentials;
    return PC_OK;
}

void pc_credentials_free(pc_credentials *credentials)
{
    if (credentials == NULL) {
        return;
    }
    grpc_ssl_server_certificate_config_destroy(credentials->loaded);
    pthread_mutex_destroy(&credentials->lock);
    free(credentials->certificate_file);
    free(credentials->key_file);
    free(credentials->client_ca_file);
    free(credentials->client_ca);
    free(credentials);
}
