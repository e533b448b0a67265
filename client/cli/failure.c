/* What went wrong. */
#include "failure.h"

#include <string.h>

#include "times.h"

exit_code failure_exit_code(profilecontext_code code)
{
    switch (code) {
    case PROFILECONTEXT_OK:
        return EXIT_CODE_OK;
    case PROFILECONTEXT_NOT_FOUND:
        return EXIT_CODE_NOT_FOUND;
    case PROFILECONTEXT_PERMISSION_DENIED:
    case PROFILECONTEXT_UNAUTHENTICATED:
        return EXIT_CODE_DENIED;
    case PROFILECONTEXT_UNAVAILABLE:
    case PROFILECONTEXT_DEADLINE_EXCEEDED:
    case PROFILECONTEXT_RESOURCE_EXHAUSTED:
        return EXIT_CODE_UNAVAILABLE;
    case PROFILECONTEXT_INVALID_ARGUMENT:
        return EXIT_CODE_MISUSE;
    default:
        return EXIT_CODE_OTHER;
    }
}

/* What the user can do about it; "" where nothing is known to help. */
static const char *advice(const profilecontext_status *status)
{
    const char *reason = status->reason == NULL ? "" : status->reason;
    if (strcmp(reason, "EVENTS_NOT_ENABLED") == 0) {
        return "The licence of the platform does not cover events.";
    }
    if (strcmp(reason, "SERVICE_UNKNOWN") == 0) {
        return "Check the name of the service.";
    }
    switch (status->code) {
    case PROFILECONTEXT_NOT_FOUND:
        return "Check the namespace and the id, and --sandbox.";
    case PROFILECONTEXT_INVALID_ARGUMENT:
        return "Correct the request; see --help.";
    case PROFILECONTEXT_UNAUTHENTICATED:
        return "Give the client certificate with --cert and --key.";
    case PROFILECONTEXT_PERMISSION_DENIED:
        return "Ask the operator of the server for access.";
    case PROFILECONTEXT_DEADLINE_EXCEEDED:
        return "Try again, or wait longer with --deadline.";
    case PROFILECONTEXT_UNIMPLEMENTED:
        return "The server there may not be ProfileContext; check --server.";
    case PROFILECONTEXT_UNAVAILABLE:
        /* What the server itself says has a reason; else it was not reached. */
        return *reason == '\0' ? "Check --server, and --tls; is the server running?"
                               : "Try again later.";
    case PROFILECONTEXT_RESOURCE_EXHAUSTED:
        return "Try again later.";
    default:
        return "";
    }
}

static const char *in_words(profilecontext_code code)
{
    switch (code) {
    case PROFILECONTEXT_NOT_FOUND:
        return "not found";
    case PROFILECONTEXT_INVALID_ARGUMENT:
        return "wrong request";
    case PROFILECONTEXT_UNAUTHENTICATED:
        return "not authenticated";
    case PROFILECONTEXT_PERMISSION_DENIED:
        return "denied";
    case PROFILECONTEXT_DEADLINE_EXCEEDED:
        return "too late";
    case PROFILECONTEXT_UNAVAILABLE:
        return "unavailable";
    case PROFILECONTEXT_RESOURCE_EXHAUSTED:
        return "over the limit";
    case PROFILECONTEXT_CANCELLED:
        return "cancelled";
    default:
        return profilecontext_code_name(code);
    }
}

void failure_print(display *to, const profilecontext_status *status, const char *server)
{
    display_add(to, STYLE_BAD, "profilectl: ");
    display_add(to, STYLE_PLAIN, in_words(status->code));
    if (status->code == PROFILECONTEXT_UNAVAILABLE ||
        status->code == PROFILECONTEXT_DEADLINE_EXCEEDED) {
        display_addf(to, STYLE_PLAIN, " (%s)", server);
    }
    const char *message = status->message == NULL ? "" : status->message;
    size_t size = strlen(message);
    if (size > 0) {
        display_addf(to, STYLE_PLAIN, ": %s%s", message, message[size - 1] == '.' ? "" : ".");
    } else {
        display_add(to, STYLE_PLAIN, ".");
    }
    if (status->retry_after_ms > 0) {
        char span[TIMES_TEXT_SIZE];
        times_format_span(span, status->retry_after_ms);
        display_addf(to, STYLE_PLAIN, " Try again in %s.", span);
    } else if (*advice(status) != '\0') {
        display_addf(to, STYLE_PLAIN, " %s", advice(status));
    }
    display_end(to);
    for (size_t i = 0; i < status->violation_count; i++) {
        display_addf(to, STYLE_PLAIN, "  %s: %s", status->violations[i].field,
                     status->violations[i].description);
        display_end(to);
    }
    if (status->reason != NULL) {
        display_addf(to, STYLE_FAINT, "  reason: %s", status->reason);
        display_end(to);
    }
    if (status->request_id != NULL) {
        display_addf(to, STYLE_FAINT, "  request id: %s", status->request_id);
        display_end(to);
    }
}
