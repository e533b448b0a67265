/* profilectl events: what happened, a page, or all pages as a stream. */
#include <stdlib.h>
#include <string.h>

#include "session.h"
#include "times.h"
#include "view.h"

static void show_data(session *in, const Profilecontext__V1__SectionInfo *info)
{
    if (info != NULL) {
        view_heading(&in->out, "Data");
        view_section(&in->out, info);
    }
}

/* How to go on, on a line of its own that is never cut, to be copied. A moment that was given as a
 * span is another one in the next run, and tokens hold for one query only; so it is spelt out. */
static void hint(session *in, display *to, const char *words, const char *token)
{
    const options *how = in->options;
    char moment[TIMES_TEXT_SIZE];
    to->width = DISPLAY_UNLIMITED;
    display_addf(to, STYLE_FAINT, "  %s --page-token %s", words, token);
    if (how->since_ms >= 0) {
        times_format_exact(moment, how->since_ms);
        display_addf(to, STYLE_FAINT, " --since %s", moment);
    }
    if (how->until_ms >= 0) {
        times_format_exact(moment, how->until_ms);
        display_addf(to, STYLE_FAINT, " --until %s", moment);
    }
    display_end(to);
}

static void show_page(session *in, const Profilecontext__V1__ListEventsResponse *page)
{
    for (size_t i = 0; i < page->n_events; i++) {
        view_event(&in->out, page->events[i]);
    }
    if (page->n_events == 0) {
        view_note(&in->out, "no events");
    }
    show_data(in, page->info);
    if (*page->next_page_token != '\0') {
        hint(in, &in->out, "There is more: --follow-pages, or", page->next_page_token);
    }
}

static exit_code one_page(session *in, request_parts *parts)
{
    Profilecontext__V1__ListEventsRequest request;
    request_events(&request, parts, in->options);
    Profilecontext__V1__ListEventsResponse *page = NULL;
    profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
    if (profilecontext_list_events(&page, in->client, &request, &in->call, &status) !=
        PROFILECONTEXT_OK) {
        return session_fail(in, &status);
    }
    exit_code code = EXIT_CODE_OK;
    if (in->options->json) {
        code = session_print_json(in, &page->base);
    } else {
        show_page(in, page);
    }
    profilecontext_response_free(page);
    return code;
}

static exit_code show_events(session *in, const Profilecontext__V1__StreamEventsResponse *page)
{
    exit_code code = EXIT_CODE_OK;
    for (size_t i = 0; i < page->n_events && code == EXIT_CODE_OK; i++) {
        if (in->options->json) {
            code = session_print_json_line(in, &page->events[i]->base);
        } else {
            view_event(&in->out, page->events[i]);
        }
    }
    return code;
}

/* Shows pages until there is none. `*resume` is the token to go on with after a failure. */
static exit_code follow(session *in, profilecontext_stream *stream, char **resume)
{
    size_t total = 0;
    for (;;) {
        Profilecontext__V1__StreamEventsResponse *page = NULL;
        profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
        if (profilecontext_stream_events_next(&page, stream, &status) != PROFILECONTEXT_OK) {
            return session_fail(in, &status);
        }
        if (page == NULL) {
            if (total == 0 && !in->options->json) {
                view_note(&in->out, "no events");
            }
            return EXIT_CODE_OK;
        }
        total += page->n_events;
        exit_code code = show_events(in, page);
        if (*page->resume_token == '\0' && !in->options->json) {
            show_data(in, page->info);
        }
        free(*resume);
        *resume = strdup(page->resume_token);
        profilecontext_response_free(page);
        if (code != EXIT_CODE_OK) {
            return code;
        }
    }
}

static exit_code all_pages(session *in, request_parts *parts)
{
    Profilecontext__V1__StreamEventsRequest request;
    request_event_stream(&request, parts, in->options);
    profilecontext_stream *stream = NULL;
    profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
    if (profilecontext_stream_events(&stream, in->client, &request, &in->call, &status) !=
        PROFILECONTEXT_OK) {
        return session_fail(in, &status);
    }
    char *resume = NULL;
    exit_code code = follow(in, stream, &resume);
    if (code != EXIT_CODE_OK && resume != NULL && *resume != '\0') {
        hint(in, &in->err, "go on with", resume);
    }
    free(resume);
    profilecontext_stream_free(stream);
    return code;
}

exit_code command_events(session *in, request_parts *parts)
{
    return in->options->follow_pages ? all_pages(in, parts) : one_page(in, parts);
}
