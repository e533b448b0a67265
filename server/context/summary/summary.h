/* The summary of a customer (summary.proto), computed from the wire bytes of the profile, its
 * insights and its events. Each fact says where it came from; nothing is guessed.
 * Threads: rules never change; summarising is pure but for the arena. */
#ifndef PC_CONTEXT_SUMMARY_SUMMARY_H
#define PC_CONTEXT_SUMMARY_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mapping/insights.h"
#include "util/arena.h"
#include "util/buffer.h"
#include "util/status.h"

/* Borrowed for pc_summary_rules_new only. Texts may be NULL for "not given". */
typedef struct {
    const char *lifetime_value;    /* name of the insight that is the lifetime value */
    int campaign_contacts;         /* how many to list */
    const char *case_id_path;      /* XDM path in an event, as of an insight; NULL: no cases */
    const char *case_status_path;  /* likewise */
    const char *case_subject_path; /* likewise; NULL: customerFeedback.subject */
    const char *case_closed;       /* statuses of closed cases, joined by commas; case is ignored */
} pc_summary_options;

typedef struct pc_summary_rules pc_summary_rules;

/* Owned: pc_summary_rules_free. Errors: INVALID_ARGUMENT INVALID_REQUEST with a violation for each
 * malformed path; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_summary_rules_new(pc_summary_rules **out,
                                            const pc_summary_options *options);

/* NULL is allowed. */
void pc_summary_rules_free(pc_summary_rules *rules);

/* The upstream's `fields` paths that a summary needs beside those of the insights, joined by
 * commas. NULL for events when everything must be fetched. */
const char *pc_summary_profile_fields(void);
const char *pc_summary_event_fields(const pc_summary_rules *rules);

/* What an event says about a service case, in an arena; texts are "" when it says
 * nothing. */
typedef struct {
    const char *case_id;
    const char *status;
    const char *subject;
} pc_case_note;

/* Whether cases are configured. */
bool pc_summary_has_cases(const pc_summary_rules *rules);

/* Reads case notes out of events, whose members its search is shown while they are mapped. Visible
 * so that it can stand on the stack. */
typedef struct {
    pc_insight_search search;
    pc_buffer insights; /* of one event */
    uint8_t storage[256];
} pc_case_reader;

/* Only when cases are configured. False when out of memory; call pc_case_reader_deinit in any case.
 */
PC_NODISCARD bool pc_case_reader_init(pc_case_reader *reader, const pc_summary_rules *rules);
void pc_case_reader_deinit(pc_case_reader *reader);

/* Appends the note of the event that the search saw: the case's id, status and subject, each with
 * its NUL. False when out of memory. */
bool pc_case_reader_put(pc_buffer *out, pc_case_reader *reader);

/* What is known. Ranges are wire bytes; borrowed. */
typedef struct {
    const char *namespace_code; /* of the identity that was asked for; NULL: asked by XID */
    const char *id;
    bool has_profile;
    const uint8_t *profile; /* the message Profile */
    size_t profile_size;
    const uint8_t *insights; /* fields of message Insight, of any number */
    size_t insights_size;
    bool has_events;
    const uint8_t *events; /* fields of message ExperienceEvent, of any number and in any order */
    size_t events_size;
    const pc_case_note *notes; /* by the events' order */
    size_t note_count;
    bool events_truncated;
} pc_summary_input;

/* Appends the fields of message ContextSummary. `arena` is used for working memory. Errors:
 * RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_summary_put(pc_buffer *out, pc_arena *arena,
                                      const pc_summary_rules *rules, const pc_summary_input *input);

#endif
