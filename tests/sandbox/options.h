/* The command line. */
#ifndef SBX_OPTIONS_H
#define SBX_OPTIONS_H

#include "faults.h"
#include "gateway.h"
#include "server.h"

enum { SBX_LOADS_MAX = 64 };

struct sbx_options {
    struct sbx_server_options server;
    struct sbx_credentials credentials;
    const char *database;
    const char *loads[SBX_LOADS_MAX];
    size_t load_count;
    bool demo;
    bool parent_death_stop;
    int64_t generate;
    int64_t generate_events;
    uint64_t seed;
    size_t batch_max;
};

enum sbx_options_result { SBX_OPTIONS_RUN, SBX_OPTIONS_DONE, SBX_OPTIONS_WRONG };

/* The strings point into argv. Fault flags go straight into faults. DONE: help or version was
 * printed; WRONG: one line went to stderr. */
enum sbx_options_result sbx_options_read(struct sbx_options *out, sbx_faults *faults, int argc,
                                         char **argv);

#endif
