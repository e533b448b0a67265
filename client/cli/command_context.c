/* profilectl context: everything about a customer on one screen. */
#include "session.h"
#include "view.h"

exit_code command_context(session *in, request_parts *parts)
{
    Profilecontext__V1__GetContextRequest request;
    request_context(&request, parts, in->options);
    Profilecontext__V1__GetContextResponse *response = NULL;
    profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
    if (profilecontext_get_context(&response, in->client, &request, &in->call, &status) !=
        PROFILECONTEXT_OK) {
        return session_fail(in, &status);
    }
    exit_code code = EXIT_CODE_OK;
    if (in->options->json) {
        code = session_print_json(in, &response->base);
    } else if (response->context != NULL) {
        view_context(&in->out, response->context, in->now_ms);
    }
    profilecontext_response_free(response);
    return code;
}
