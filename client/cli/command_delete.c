/* profilectl delete: asks the platform to delete a profile. Asks the user first. */
#include <string.h>
#include <unistd.h>

#include "session.h"

/* True when a person at a terminal types the word. */
static bool confirmed(session *in)
{
    const options *how = in->options;
    char answer[16] = "";
    fprintf(in->err.out,
            "The profile of %s%s%s in the sandbox %s will be deleted for good. Type yes to go on: ",
            how->person.by_xid ? "xid" : how->person.namespace_code, ":", how->person.id,
            how->sandbox);
    fflush(in->err.out);
    return fgets(answer, sizeof answer, stdin) != NULL && strcmp(answer, "yes\n") == 0;
}

exit_code command_delete(session *in, request_parts *parts)
{
    if (!in->options->yes) {
        if (!isatty(STDIN_FILENO)) {
            return session_problem(in, EXIT_CODE_MISUSE,
                                   "delete asks before it deletes; without a terminal give --yes");
        }
        if (!confirmed(in)) {
            return session_problem(in, EXIT_CODE_OTHER, "nothing was deleted");
        }
    }
    Profilecontext__V1__DeleteProfileRequest request;
    request_delete(&request, parts, in->options);
    Profilecontext__V1__DeleteProfileResponse *response = NULL;
    profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
    if (profilecontext_delete_profile(&response, in->client, &request, &in->call, &status) !=
        PROFILECONTEXT_OK) {
        return session_fail(in, &status);
    }
    exit_code code = EXIT_CODE_OK;
    if (in->options->json) {
        code = session_print_json(in, &response->base);
    } else {
        display_add(&in->out, STYLE_PLAIN,
                    "The platform has taken the request and deletes the profile later.");
        display_end(&in->out);
    }
    profilecontext_response_free(response);
    return code;
}
