/* An HTTP server that does what a test tells it, bad manners included. It listens on a free port of
 * 127.0.0.1, with a thread per connection. What a path answers, and whether it holds its answers
 * back, is set from the test's thread at any time.
 * Paths are compared with the request target up to the question mark. */
#ifndef FAKE_HTTP_H
#define FAKE_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "fake_tls.h"

typedef struct fake_http fake_http;

/* True on the threads of a fake server, for tests that disturb all other threads. */
extern _Thread_local bool fake_http_thread;

typedef enum {
    FAKE_WHOLE,   /* answer properly and keep the connection */
    FAKE_HALF,    /* half of the body, then close */
    FAKE_HEAD,    /* all header lines but the empty one, then close */
    FAKE_CUT,     /* close without a byte */
    FAKE_GARBAGE, /* bytes that are no HTTP */
    FAKE_HANG,    /* read the request and never answer */
} fake_manner;

/* Texts and bytes are borrowed until the server is freed. */
typedef struct {
    fake_manner manner;
    int status;
    const char *headers; /* more header lines, each with CRLF; may be NULL */
    const void *body;
    size_t body_size;
    int after; /* given when this many requests for the path have arrived; 0: at once */
} fake_answer;

/* A whole answer with a text as body. */
fake_answer fake_text(int status, const char *text);

/* Starts on `port`, or on a free one for 0. Aborts the test when that fails. */
fake_http *fake_http_new(int port);

/* The same over TLS, on a free port. `tls` is borrowed until the server is freed. */
fake_http *fake_http_new_tls(fake_tls *tls);

/* Closes all connections and ends all threads. */
void fake_http_free(fake_http *server);

int fake_http_port(const fake_http *server);

/* Writes http://127.0.0.1:<port> and then `path`. */
void fake_http_url(const fake_http *server, const char *path, char *out, size_t out_size);

/* What `path` answers from now on; a path never set answers 404 {"statusCode":"404"}. */
void fake_http_set(fake_http *server, const char *path, fake_answer answer);

/* What `path` answers once, before the answer of fake_http_set; several are taken in order. */
void fake_http_push(fake_http *server, const char *path, fake_answer answer);

/* Answers of `path` wait until fake_http_release. They are chosen on arrival. */
void fake_http_hold(fake_http *server, const char *path);
void fake_http_release(fake_http *server, const char *path);

/* Requests for `path` that have arrived. */
int fake_http_count(fake_http *server, const char *path);

/* Waits until that many have arrived; fails the test after ten seconds. */
void fake_http_wait_count(fake_http *server, const char *path, int count);

/* The whole request number `index` (from 0) for `path`, as it came. Valid until fake_http_free. */
const char *fake_http_request(fake_http *server, const char *path, int index);

/* Connections ever accepted. */
int fake_http_connections(fake_http *server);

#endif
