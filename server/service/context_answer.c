/* The head is written, the sections are handed on. */
#include "service/context_answer.h"

#include <string.h>

#include "mapping/wire.h"

enum { HEAD_BYTES_USUAL = 1024, FRAME_BYTES_MAX = 24 };

void pc_pieces_unref(pc_pieces *pieces)
{
    for (size_t i = 0; i < pieces->count; i++) {
        pc_slice_unref(pieces->slices[i]);
    }
    *pieces = (pc_pieces){.count = 0};
}

/* An unknown person: the profile is not found and no event says otherwise. */
static bool nothing_to_say(const pc_gather_plan *plan, const pc_gathered *gathered)
{
    bool all_withheld = true;
    for (int s = 1; s < PC_SECTION_COUNT; s++) {
        const pc_section_result *result = &gathered->sections[s];
        bool wanted = (plan->sections & PC_SECTION_BIT(s)) != 0;
        all_withheld = all_withheld && (!wanted || result->withheld);
        bool says = pc_section_has_data(result) || result->data != NULL;
        bool is_empty = gathered->profile_failure.code == PC_CODE_NOT_FOUND &&
                        (s == PC_SECTION_EVENTS || s == PC_SECTION_SUMMARY) &&
                        gathered->event_count == 0;
        if (wanted && says && !is_empty) {
            return false;
        }
    }
    /* What is withheld is so of everybody, known or not. */
    return !all_withheld;
}

/* A known person without events may be "not found" to the upstream's event look-up. */
static void settle_events(const pc_gather_plan *plan, pc_gathered *gathered)
{
    pc_section_result *events = &gathered->sections[PC_SECTION_EVENTS];
    bool known = (plan->sections & ~PC_SECTION_BIT(PC_SECTION_EVENTS)) != 0 &&
                 pc_status_ok(&gathered->profile_failure) && gathered->xid[0] != '\0';
    if (events->status == PC_SECTION_MISSING && known) {
        events->status = PC_SECTION_OK;
        events->reason = "";
        if (events->origin == PC_ORIGIN_NONE) {
            events->origin = PC_ORIGIN_UPSTREAM;
            events->fetched_wall_ms = gathered->now.wall_ms;
        }
    }
}

/* Parts of one slice that follow one another are one piece. */
static void add_piece(pc_pieces *pieces, pc_slice *slice)
{
    if (slice == NULL) {
        return;
    }
    pieces->bytes += pc_slice_size(slice);
    if (pieces->count > 1 && pc_slice_join(pieces->slices[pieces->count - 1], slice)) {
        pc_slice_unref(slice);
    } else {
        pieces->slices[pieces->count++] = slice;
    }
}

/* Whether the caller sees anything of the person: if not, nor that there is one. */
static bool is_seen(const pc_gather_plan *plan, const pc_gathered *gathered)
{
    for (int s = 1; s < PC_SECTION_COUNT; s++) {
        if ((plan->sections & PC_SECTION_BIT(s)) != 0 && !gathered->sections[s].withheld) {
            return true;
        }
    }
    return false;
}

static void put_head(pc_buffer *out, const pc_gather_plan *plan, const pc_gathered *gathered)
{
    const pc_person *person = &plan->person;
    if (person->xid == NULL) {
        size_t mark = pc_wire_begin(out, PC_CONTEXT_IDENTITY);
        pc_wire_put_text(out, 1, person->namespace_code);
        pc_wire_put_text(out, 2, person->id);
        pc_wire_end(out, mark);
    }
    if (gathered->xid[0] != '\0' && !gathered->xid_withheld && is_seen(plan, gathered)) {
        pc_wire_put_text(out, PC_CONTEXT_XID, gathered->xid);
    }
    for (int s = 1; s < PC_SECTION_COUNT; s++) {
        if ((plan->sections & PC_SECTION_BIT(s)) != 0 || gathered->sections[s].withheld) {
            pc_put_section_info(out, PC_CONTEXT_SECTIONS, (pc_section)s, &gathered->sections[s],
                                gathered->now.wall_ms);
        }
    }
}

/* A section that is one message: its frame ends what is written so far. */
static void frame(pc_buffer *out, uint32_t number, const pc_slice *message)
{
    pc_wire_put_tag(out, number, PC_WIRE_BYTES);
    pc_wire_put_varint(out, pc_slice_size(message));
}

/* What stands before the pieces: `before`, and the frame and head of the context. NULL when out of
 * memory. */
static pc_slice *first_piece(uint32_t number, const pc_buffer *before, const pc_buffer *head,
                             size_t pieces_bytes)
{
    size_t before_size = before == NULL ? 0 : before->size;
    pc_buffer frame;
    uint8_t frame_bytes[FRAME_BYTES_MAX];
    pc_buffer_init_in(&frame, frame_bytes, sizeof frame_bytes, sizeof frame_bytes);
    pc_wire_put_tag(&frame, number, PC_WIRE_BYTES);
    pc_wire_put_varint(&frame, head->size + pieces_bytes);
    bool failed = head->failed || (before != NULL && before->failed);
    pc_slice *slice = failed ? NULL : pc_slice_new(before_size + frame.size + head->size);
    if (slice != NULL) {
        uint8_t *at = pc_slice_writable(slice);
        if (before_size > 0) {
            memcpy(at, before->bytes, before_size);
        }
        memcpy(at + before_size, frame.bytes, frame.size);
        memcpy(at + before_size + frame.size, head->bytes, head->size);
    }
    pc_buffer_deinit(&frame);
    return slice;
}

pc_status pc_context_answer(pc_pieces *out, uint32_t number, const pc_buffer *before,
                            const pc_gather_plan *plan, const pc_access *access,
                            pc_gathered *gathered)
{
    *out = (pc_pieces){.count = 0};
    settle_events(plan, gathered);
    pc_access_show(access, plan, gathered);
    if (nothing_to_say(plan, gathered)) {
        bool profile = (plan->sections & ~PC_SECTION_BIT(PC_SECTION_EVENTS)) != 0;
        return pc_take_failure(gathered, profile ? PC_SECTION_PROFILE : PC_SECTION_EVENTS);
    }
    bool has_profile = gathered->sections[PC_SECTION_PROFILE].data != NULL;
    bool has_summary = gathered->sections[PC_SECTION_SUMMARY].data != NULL;
    uint8_t head_bytes[HEAD_BYTES_USUAL];
    uint8_t middle_bytes[FRAME_BYTES_MAX];
    pc_buffer head;
    pc_buffer middle; /* between the profile and the summary */
    pc_buffer_init_in(&head, head_bytes, sizeof head_bytes, PC_HEAD_BYTES_MAX);
    pc_buffer_init_in(&middle, middle_bytes, sizeof middle_bytes, PC_HEAD_BYTES_MAX);
    put_head(&head, plan, gathered);
    pc_slice *profile = pc_take_data(gathered, PC_SECTION_PROFILE);
    pc_slice *summary = pc_take_data(gathered, PC_SECTION_SUMMARY);
    out->count = 1; /* the first comes last, once the size of the rest is known */
    if (has_profile) {
        frame(&head, PC_CONTEXT_PROFILE, profile);
        add_piece(out, profile);
    }
    if (has_summary) {
        frame(has_profile ? &middle : &head, PC_CONTEXT_SUMMARY, summary);
        if (has_profile) {
            pc_slice *slice = pc_buffer_take_slice(&middle);
            head.failed = head.failed || slice == NULL;
            add_piece(out, slice);
        }
        add_piece(out, summary);
    }
    for (int s = PC_SECTION_EVENTS; s < PC_SECTION_SUMMARY; s++) {
        add_piece(out, pc_take_data(gathered, (pc_section)s));
    }
    out->slices[0] = first_piece(number, before, &head, out->bytes);
    out->bytes += pc_slice_size(out->slices[0]);
    pc_buffer_deinit(&head);
    pc_buffer_deinit(&middle);
    if (out->slices[0] == NULL) {
        pc_pieces_unref(out);
        return pc_status_out_of_memory();
    }
    return PC_OK;
}
