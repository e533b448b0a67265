/* The configuration file: any bytes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "config/config_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *argv[] = {NULL, NULL};
    char program[] = "fuzz";
    char flag[] = "--sandbox";
    char *arguments[] = {program, flag};
    pc_config *config;
    pc_config_command command;
    pc_config_errors errors = {0};
    bool taken[256] = {false};
    if (pc_config_load(&config, &command, &errors, 2, arguments, argv)) {
        config_read_text(config, "fuzz", bytes, size, taken, &errors);
    }
    pc_config_free(config);
    pc_config_errors_deinit(&errors);
    return 0;
}
