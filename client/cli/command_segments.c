/* profilectl segments: the audiences, page by page. */
#include <stdlib.h>
#include <string.h>

#include "session.h"
#include "view.h"

static exit_code show(session *in, const Profilecontext__V1__ListSegmentMembershipsResponse *page,
                      bool last)
{
    if (in->options->json) {
        return session_print_json(in, &page->base);
    }
    view_audiences(&in->out, page->segment_memberships, page->n_segment_memberships);
    if (last && page->info != NULL) {
        view_heading(&in->out, "Data");
        view_section(&in->out, page->info);
    }
    if (last && *page->next_page_token != '\0') {
        in->out.width = DISPLAY_UNLIMITED;
        display_addf(&in->out, STYLE_FAINT, "  There is more: --all, or --page-token %s",
                     page->next_page_token);
        display_end(&in->out);
    }
    return EXIT_CODE_OK;
}

exit_code command_segments(session *in, request_parts *parts)
{
    Profilecontext__V1__ListSegmentMembershipsRequest request;
    request_segments(&request, parts, in->options);
    exit_code code = EXIT_CODE_OK;
    char *token = NULL;
    bool more = true;
    while (more && code == EXIT_CODE_OK) {
        Profilecontext__V1__ListSegmentMembershipsResponse *page = NULL;
        profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
        if (profilecontext_list_segment_memberships(&page, in->client, &request, &in->call,
                                                    &status) != PROFILECONTEXT_OK) {
            code = session_fail(in, &status);
            break;
        }
        more = in->options->all && *page->next_page_token != '\0';
        code = show(in, page, !more);
        free(token);
        token = strdup(page->next_page_token);
        more = more && token != NULL;
        request.page_token = token;
        profilecontext_response_free(page);
    }
    free(token);
    return code;
}
