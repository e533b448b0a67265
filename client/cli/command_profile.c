/* profilectl profile: attributes and consents. */
#include "session.h"
#include "view.h"

static void show(session *in, const Profilecontext__V1__GetProfileResponse *response)
{
    const Profilecontext__V1__Profile *profile = response->profile;
    display_add(&in->out, STYLE_BOLD, "Who");
    display_end(&in->out);
    if (profile == NULL) {
        view_note(&in->out, "nothing known");
    } else {
        view_who(&in->out, profile, in->now_ms);
        view_addresses(&in->out, profile);
        view_heading(&in->out, "Consents");
        view_consents(&in->out, profile->consents);
        view_heading(&in->out, "Identities");
        view_identities(&in->out, profile->identity_map, profile->n_identity_map);
    }
    if (response->info != NULL) {
        view_heading(&in->out, "Data");
        view_section(&in->out, response->info);
    }
}

exit_code command_profile(session *in, request_parts *parts)
{
    Profilecontext__V1__GetProfileRequest request;
    request_profile(&request, parts, in->options);
    Profilecontext__V1__GetProfileResponse *response = NULL;
    profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
    if (profilecontext_get_profile(&response, in->client, &request, &in->call, &status) !=
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
