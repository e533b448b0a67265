/* Serves grpc.testing.TestService on our RPC layer until SIGTERM.
 * Usage: interop_server ADDRESS [CERTIFICATE KEY CLIENT_CA] */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "rpc/server.h"
#include "test_service.h"
#include "util/clock.h"

static int complain(pc_status status)
{
    fprintf(stderr, "interop_server: %s\n", pc_status_message(&status));
    pc_status_clear(&status);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 5) {
        fprintf(stderr, "usage: interop_server ADDRESS [CERTIFICATE KEY CLIENT_CA]\n");
        return 2;
    }
    const pc_rpc_options options = {
        .address = argv[1],
        .tls_certificate_file = argc == 5 ? argv[2] : NULL,
        .tls_key_file = argc == 5 ? argv[3] : NULL,
        .tls_client_ca_file = argc == 5 ? argv[4] : NULL,
        .request_bytes_max = 4 << 20,
        .answer_bytes_max = 4 << 20,
        .max_concurrent_streams = 1000,
        .keepalive_ms = 60000,
        .keepalive_timeout_ms = 20000,
    };
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);

    pc_timers *timers;
    pc_status status = pc_timers_new(&timers);
    if (!pc_status_ok(&status)) {
        return complain(status);
    }
    pc_method methods[TEST_SERVICE_METHODS];
    test_service_methods(timers, methods);
    pc_rpc_server *server;
    status = pc_rpc_server_new(&server, &options, methods, TEST_SERVICE_METHODS);
    if (pc_status_ok(&status)) {
        status = pc_rpc_server_start(server);
    }
    if (!pc_status_ok(&status)) {
        return complain(status);
    }
    printf("listening on %d\n", pc_rpc_server_port(server));
    fflush(stdout);
    int number;
    sigwait(&ends, &number);
    pc_rpc_server_drain(server, pc_clock_after_ms(pc_clock_now_ns(), 1000));
    pc_rpc_server_free(server);
    pc_timers_free(timers);
    return 0;
}
