/* profilectl identities: who else the person is. */
#include "session.h"
#include "view.h"

static void show(session *in, const Profilecontext__V1__GetIdentitiesResponse *response)
{
    display_add(&in->out, STYLE_BOLD, "Identities");
    display_end(&in->out);
    view_identities(&in->out, response->identities, response->n_identities);
    view_heading(&in->out, "Data");
    view_label(&in->out, "Source");
    display_add(&in->out, STYLE_PLAIN,
                response->source == PROFILECONTEXT__V1__IDENTITY_SOURCE__IDENTITY_SOURCE_GRAPH
                    ? "the identity graph"
                    : "the profile's own identity map");
    display_end(&in->out);
    if (response->info != NULL) {
        view_section(&in->out, response->info);
    }
}

exit_code command_identities(session *in, request_parts *parts)
{
    Profilecontext__V1__GetIdentitiesRequest request;
    request_identities(&request, parts, in->options);
    Profilecontext__V1__GetIdentitiesResponse *response = NULL;
    profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
    if (profilecontext_get_identities(&response, in->client, &request, &in->call, &status) !=
        PROFILECONTEXT_OK) {
        return session_fail(in, &status);
    }
    exit_code code = EXIT_CODE_OK;
    if (in->options->json) {
        code = session_print_json(in, &response->base);
    } else {
        show(in, response);
    }
    profilecontext_response_free(response);
    return code;
}
