/* profilectl health: whether the server serves. */
#include "session.h"

exit_code command_health(session *in)
{
    profilecontext_health health = PROFILECONTEXT_HEALTH_UNKNOWN;
    profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
    if (profilecontext_check_health(&health, in->client, in->options->health_service, &in->call,
                                    &status) != PROFILECONTEXT_OK) {
        return session_fail(in, &status);
    }
    bool serving = health == PROFILECONTEXT_HEALTH_SERVING;
    if (in->options->json) {
        fprintf(in->out.out, "{\"status\": \"%s\"}\n",
                serving                                       ? "SERVING"
                : health == PROFILECONTEXT_HEALTH_NOT_SERVING ? "NOT_SERVING"
                                                              : "UNKNOWN");
    } else {
        display_add(&in->out, serving ? STYLE_GOOD : STYLE_BAD,
                    serving                                       ? "serving"
                    : health == PROFILECONTEXT_HEALTH_NOT_SERVING ? "not serving"
                                                                  : "unknown");
        display_end(&in->out);
    }
    return serving ? EXIT_CODE_OK : EXIT_CODE_UNAVAILABLE;
}
