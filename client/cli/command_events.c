/* profilectl events: what happened, page by page. */
#include <stdlib.h>
#include <string.h>

#include "session.h"
#include "view.h"

/* Shows a page; `last` is set when no other follows in this run. */
static exit_code show(session *in, const Profilecontext__V1__ListEventsResponse *page, bool first,
                      bool last)
{
    if (in->options->json) {
        return session_print_json(in, &page->base);
    }
    for (size_t i = 0; i < page->n_events; i++) {
        view_event(&in->out, page->events[i]);
    }
    if (first && last && page->n_events == 0) {
        view_note(&in->out, "no events");
    }
    if (last && page->info != NULL) {
        view_heading(&in->out, "Data");
        view_section(&in->out, page->info);
    }
    if (last && *page->next_page_token != '\0') {
        /* On a line of its own and never cut, to be copied. */
        in->out.width = DISPLAY_UNLIMITED;
        display_addf(&in->out, STYLE_FAINT, "  There is more: --all, or --page-token %s",
                     page->next_page_token);
        display_end(&in->out);
    }
    return EXIT_CODE_OK;
}

exit_code command_events(session *in, request_parts *parts)
{
    Profilecontext__V1__ListEventsRequest request;
    request_events(&request, parts, in->options);
    exit_code code = EXIT_CODE_OK;
    char *token = NULL;
    bool more = true;
    for (bool first = true; more && code == EXIT_CODE_OK; first = false) {
        Profilecontext__V1__ListEventsResponse *page = NULL;
        profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
        if (profilecontext_list_events(&page, in->client, &request, &in->call, &status) !=
            PROFILECONTEXT_OK) {
            code = session_fail(in, &status);
            break;
        }
        more = in->options->all && *page->next_page_token != '\0';
        code = show(in, page, first, !more);
        free(token);
        token = strdup(page->next_page_token);
        more = more && token != NULL;
        request.page_token = token;
        profilecontext_response_free(page);
    }
    free(token);
    return code;
}
