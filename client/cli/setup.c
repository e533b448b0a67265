/* Which one it is. */
#include "setup.h"

#include <string.h>

static const struct {
    const char *name;
    exit_code (*run)(int argc, char *const *argv);
} commands[] = {{"check", command_check}, {"init", command_init}};

bool setup_is_meant(int argc, char *const *argv)
{
    bool is_meant = false;
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++) {
        is_meant = is_meant || strcmp(argv[1], commands[i].name) == 0;
    }
    return is_meant;
}

exit_code setup_run(int argc, char *const *argv)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    return EXIT_CODE_MISUSE;
}
