/* What commands have in common. */
#include "session.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

static exit_code print_json(session *in, const ProtobufCMessage *message, bool pretty)
{
    char *text = NULL;
    if (!profilecontext_message_to_json(message, pretty, &text)) {
        return session_problem(in, EXIT_CODE_OTHER, "the response cannot be written as JSON");
    }
    fputs(text, in->out.out);
    fputc('\n', in->out.out);
    free(text);
    return EXIT_CODE_OK;
}

exit_code session_print_json(session *in, const ProtobufCMessage *message)
{
    return print_json(in, message, true);
}

exit_code session_print_json_line(session *in, const ProtobufCMessage *message)
{
    return print_json(in, message, false);
}

void session_add_cost(session *in)
{
    if (in->cost.upstream_calls >= 0) {
        in->total.upstream_calls += in->cost.upstream_calls;
        in->total.upstream_bytes += in->cost.upstream_bytes;
        in->total.server_ms += in->cost.server_ms;
    }
    in->cost = (profilecontext_cost){-1, -1, -1};
}

void session_print_cost(session *in)
{
    session_add_cost(in);
    display_addf(&in->err, STYLE_FAINT,
                 "cost: %" PRId64 " upstream call%s, %.1f kB from the upstream, %.0f ms in the "
                 "server",
                 in->total.upstream_calls, in->total.upstream_calls == 1 ? "" : "s",
                 (double)in->total.upstream_bytes / 1000, in->total.server_ms);
    display_end(&in->err);
}

exit_code session_problem(session *in, exit_code code, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fflush(in->out.out);
    display_addf(&in->err, STYLE_PLAIN, "profilectl: %s.", text);
    display_end(&in->err);
    return code;
}

exit_code session_fail(session *in, profilecontext_status *status)
{
    exit_code code = failure_exit_code(status->code);
    /* What was shown before the failure comes before its reason. */
    fflush(in->out.out);
    failure_print(&in->err, status, in->options->server);
    profilecontext_status_clear(status);
    return code;
}
