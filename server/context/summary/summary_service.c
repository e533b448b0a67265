/* Service cases, where this server is configured to find them in events, and the last conversation
 * (XDM customerFeedback). */
#include <string.h>
#include <strings.h>

#include "context/summary/summary_internal.h"

/* Field numbers of ServiceSummary, ServiceCase and ServiceContact. */
enum {
    SERVICE_OPEN_COUNT = 1,
    SERVICE_OPEN_CASES = 2,
    SERVICE_LAST_CONTACT = 3,
    CASE_ID = 1,
    CASE_STATUS = 2,
    CASE_SUBJECT = 3,
    CASE_FIRST_TIME = 4,
    CASE_LAST_TIME = 5,
    CASE_SOURCE = 6,
    CONTACT_TIME = 1,
    CONTACT_SUBJECT = 2,
    CONTACT_EVENT_TYPE = 3,
    CONTACT_SOURCE = 4
};

enum { OPEN_CASES_MAX = 10 };

typedef struct {
    const char *id;
    const char *status; /* the latest that an event gives */
    moment status_time;
    span subject;
    moment subject_time;
    moment first;
    event_head last;
} service_case;

static span text_span(const char *text)
{
    return (span){(const uint8_t *)text, strlen(text)};
}

static service_case *find_case(service_case *all, size_t *count, const char *id)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(all[i].id, id) == 0) {
            return &all[i];
        }
    }
    all[*count] = (service_case){.id = id, .status = ""};
    return &all[(*count)++];
}

/* Whether `when` is at least as late as what is known. */
static bool counts(moment known, moment when)
{
    return !moment_before(when, known);
}

static void add_note(service_case *to, const pc_case_note *note, const event_head *head,
                     span feedback_subject)
{
    span subject = note->subject[0] != '\0' ? text_span(note->subject) : feedback_subject;
    if (note->status[0] != '\0' && counts(to->status_time, head->time)) {
        to->status = note->status;
        to->status_time = head->time;
    }
    if (subject.size > 0 && counts(to->subject_time, head->time)) {
        to->subject = subject;
        to->subject_time = head->time;
    }
    if (!to->first.known || moment_before(head->time, to->first)) {
        to->first = head->time;
    }
    if (to->last.wire.bytes == NULL || counts(to->last.time, head->time)) {
        to->last = *head;
    }
}

static bool is_closed(const pc_summary_rules *rules, const char *status)
{
    for (size_t i = 0; i < rules->closed_count; i++) {
        if (strcasecmp(rules->closed[i], status) == 0) {
            return true;
        }
    }
    return false;
}

static void put_case(pc_buffer *out, const pc_summary_rules *rules, const service_case *c)
{
    size_t mark = pc_wire_begin(out, SERVICE_OPEN_CASES);
    pc_wire_put_text(out, CASE_ID, c->id);
    summary_put_span(out, CASE_STATUS, text_span(c->status));
    summary_put_span(out, CASE_SUBJECT, c->subject);
    summary_put_moment(out, CASE_FIRST_TIME, c->first);
    summary_put_moment(out, CASE_LAST_TIME, c->last.time);
    summary_put_event_source(out, CASE_SOURCE, rules->case_id_path, &c->last);
    pc_wire_end(out, mark);
}

/* Latest first. */
static void put_cases(pc_buffer *out, const pc_summary_rules *rules, service_case *all,
                      size_t count)
{
    size_t open = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_closed(rules, all[i].status)) {
            all[open++] = all[i];
        }
    }
    pc_wire_put_int(out, SERVICE_OPEN_COUNT, (int64_t)open);
    for (size_t shown = 0; shown < open && shown < OPEN_CASES_MAX; shown++) {
        size_t latest = shown;
        for (size_t i = shown + 1; i < open; i++) {
            if (moment_before(all[latest].last.time, all[i].last.time)) {
                latest = i;
            }
        }
        service_case c = all[latest];
        all[latest] = all[shown];
        all[shown] = c;
        put_case(out, rules, &c);
    }
}

static void put_contact(pc_buffer *out, const event_head *head, span subject)
{
    size_t mark = pc_wire_begin(out, SERVICE_LAST_CONTACT);
    summary_put_moment(out, CONTACT_TIME, head->time);
    summary_put_span(out, CONTACT_SUBJECT, subject);
    summary_put_span(out, CONTACT_EVENT_TYPE, head->type);
    summary_put_event_source(out, CONTACT_SOURCE, "customerFeedback", head);
    pc_wire_end(out, mark);
}

bool summary_put_service(pc_buffer *out, pc_arena *arena, const pc_summary_rules *rules,
                         const pc_summary_input *input)
{
    service_case *cases = pc_arena_calloc(arena, input->note_count + 1, sizeof *cases);
    if (cases == NULL) {
        return false;
    }
    size_t case_count = 0;
    event_head last = {.wire = {0}};
    span last_subject = {0};
    pc_wire_reader reader;
    pc_wire_field field;
    pc_wire_reader_init(&reader, input->events, input->events_size);
    for (size_t i = 0; pc_wire_next(&reader, &field); i++) {
        event_head head = summary_event(rules, (span){field.bytes, field.size});
        bool is_contact = summary_has(rules, head.wire, PATH_EVENT_FEEDBACK);
        span subject = summary_span(rules, head.wire, PATH_FEEDBACK_SUBJECT);
        if (is_contact && (last.wire.bytes == NULL || counts(last.time, head.time))) {
            last = head;
            last_subject = subject;
        }
        if (i < input->note_count && input->notes[i].case_id[0] != '\0') {
            add_note(find_case(cases, &case_count, input->notes[i].case_id), &input->notes[i],
                     &head, subject);
        }
    }
    size_t mark = pc_wire_begin(out, SUMMARY_SERVICE);
    if (rules->cases != NULL) {
        put_cases(out, rules, cases, case_count);
    }
    if (last.wire.bytes != NULL) {
        put_contact(out, &last, last_subject);
    }
    pc_wire_end(out, mark);
    return true;
}
