/* entity-sandbox: wiring. */
#include "demo.h"
#include "generate.h"
#include "load.h"
#include "options.h"
#include "stop.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static bool load_embedded(sbx_store *store, bool demo, struct sbx_error *error)
{
    for (size_t i = 0; i < sbx_demo_file_count; i++) {
        const struct sbx_demo_file *file = &sbx_demo_files[i];
        size_t records;
        bool always = strcmp(file->name, "base.ndjson") == 0;
        if ((always || demo) && !sbx_load_text(store, file->name, (const char *)file->bytes,
                                               file->length, &records, error)) {
            return false;
        }
    }
    return true;
}

static bool load_all(sbx_store *store, const struct sbx_options *options, struct sbx_error *error)
{
    if (!load_embedded(store, options->demo, error)) {
        return false;
    }
    for (size_t i = 0; i < options->load_count; i++) {
        size_t records;
        if (!sbx_load_file(store, options->loads[i], &records, error)) {
            return false;
        }
    }
    return (options->generate == 0 ||
            sbx_generate(store, options->generate, options->seed, error)) &&
           (options->generate_events == 0 ||
            sbx_generate_events(store, options->generate_events, options->seed, error));
}

static void announce(const struct sbx_options *options, const sbx_server *server)
{
    bool six = strchr(options->server.host, ':') != NULL;
    printf("entity-sandbox listening on %s://%s%s%s:%d\n",
           options->server.certificate_path != NULL ? "https" : "http", six ? "[" : "",
           options->server.host, six ? "]" : "", sbx_server_port(server));
    fflush(stdout);
}

static bool run(const struct sbx_options *options, sbx_faults *faults, struct sbx_error *error)
{
    struct sbx_service service = {.faults = faults, .batch_max = options->batch_max};
    sbx_server *server = NULL;
    bool done = sbx_server_open(&server, &options->server, error) &&
                sbx_store_open(&service.store, options->database, error) &&
                load_all(service.store, options, error);
    if (done) {
        service.gateway = sbx_gateway_new(&options->credentials);
        service.stats = sbx_stats_new();
        done = sbx_server_start(server, &service, error);
    }
    if (done) {
        announce(options, server);
        sbx_stop_wait();
    }
    sbx_server_free(server);
    sbx_gateway_free(service.gateway);
    sbx_stats_free(service.stats);
    sbx_store_free(service.store);
    return done;
}

int main(int argc, char **argv)
{
    pid_t parent = getppid();
    struct sbx_options options;
    struct sbx_error error = {""};
    sbx_stop_block_signals();
    json_object_seed(0);
    sbx_faults *faults = sbx_faults_new(1);
    int status = 0;
    switch (sbx_options_read(&options, faults, argc, argv)) {
    case SBX_OPTIONS_WRONG:
        status = 2;
        break;
    case SBX_OPTIONS_DONE:
        break;
    case SBX_OPTIONS_RUN:
        sbx_faults_seed(faults, options.seed);
        /* The parent may have gone before the kernel was asked to watch it. */
        if (options.parent_death_stop &&
            (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)) {
            break;
        }
        if (!run(&options, faults, &error) && !sbx_stop_requested()) {
            fprintf(stderr, "entity-sandbox: %s\n", error.text);
            status = 1;
        }
        break;
    }
    sbx_faults_free(faults);
    return status;
}
