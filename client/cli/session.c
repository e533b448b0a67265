/* What commands have in common. */
#include "session.h"

#include <stdlib.h>

exit_code session_print_json(session *in, const ProtobufCMessage *message)
{
    char *text = NULL;
    if (!profilecontext_message_to_json(message, true, &text)) {
        display_add(&in->err, STYLE_PLAIN, "profilectl: the response cannot be written as JSON.");
        display_end(&in->err);
        return EXIT_CODE_OTHER;
    }
    fputs(text, in->out.out);
    fputc('\n', in->out.out);
    free(text);
    return EXIT_CODE_OK;
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
