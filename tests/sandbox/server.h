/* The HTTP server. */
#ifndef SBX_SERVER_H
#define SBX_SERVER_H

#include "service.h"

typedef struct sbx_server sbx_server;

struct sbx_server_options {
    const char *host;
    int port; /* 0: any free one */
    int threads;
    const char *certificate_path; /* both or neither */
    const char *key_path;
};

/* Takes the address, so that a port in use is known before any work is done. */
bool sbx_server_open(sbx_server **out, const struct sbx_server_options *options,
                     struct sbx_error *error);
/* Answers from now on, on threads of its own. The service must outlive the server. */
bool sbx_server_start(sbx_server *server, struct sbx_service *service, struct sbx_error *error);
int sbx_server_port(const sbx_server *server);
/* Abandons the requests that still wait, and stops. */
void sbx_server_free(sbx_server *server);

#endif
