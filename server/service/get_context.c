/* GetContext: the sections that the mask asks for, gathered in parallel, each with its status. */
#include "mapping/wire.h"
#include "mapping_tables.h"
#include "profilecontext/v1/profile_context.pb-c.h"
#include "service/answer.h"
#include "util/clock.h"

/* Field numbers of Context. */
enum {
    CONTEXT_IDENTITY = 1,
    CONTEXT_XID = 2,
    CONTEXT_SECTIONS = 3,
    CONTEXT_PROFILE = 4,
    CONTEXT_EVENTS = 5,
    CONTEXT_INSIGHTS = 6,
    CONTEXT_IDENTITIES = 40,
    CONTEXT_SEGMENT_MEMBERSHIPS = 41,
    RESPONSE_CONTEXT = 1
};

typedef Profilecontext__V1__GetContextRequest request_message;

/* In the call's arena. */
typedef struct {
    pc_call *call;
    const request_message *request;
    pc_gather_plan plan;
} operation;

/* Steps, in order:                                                   thread */
static void plan_sections(operation *op, const pc_mask *mask, const pc_service *service,
                          pc_status *status);               /* rpc: pure                     */
static void on_gathered(void *self, pc_gathered *gathered); /* worker                        */
static void answer(operation *op, pc_gathered *gathered);   /* worker                        */
static void on_released(void *self);                        /* worker or source              */

/* ---- plan ------------------------------------------------------------------------------------ */

static const struct {
    pc_section section;
    const char *field;
    uint32_t number;
} context_sections[] = {
    {PC_SECTION_PROFILE, "profile", CONTEXT_PROFILE},
    {PC_SECTION_EVENTS, "events", CONTEXT_EVENTS},
    {PC_SECTION_SEGMENTS, "segment_memberships", CONTEXT_SEGMENT_MEMBERSHIPS},
    {PC_SECTION_IDENTITIES, "identities", CONTEXT_IDENTITIES},
    {PC_SECTION_INSIGHTS, "insights", CONTEXT_INSIGHTS},
};

/* The upstream's `fields` for all sections that come from the profile; NULL: everything. */
static const char *profile_fields(operation *op, const pc_service *service)
{
    pc_arena *arena = pc_call_arena(op->call);
    const pc_gather_plan *plan = &op->plan;
    const char *parts[4] = {"", "", "", ""};
    if ((plan->sections & PC_SECTION_BIT(PC_SECTION_PROFILE)) != 0) {
        pc_status status =
            pc_mask_upstream_fields(&parts[0], arena, plan->masks[PC_SECTION_PROFILE]);
        if (!pc_status_ok(&status) || parts[0] == NULL) {
            pc_status_clear(&status); /* Out of memory: asking for all is right too. */
            return NULL;
        }
    }
    if ((plan->sections & PC_SECTION_BIT(PC_SECTION_SEGMENTS)) != 0) {
        parts[1] = "segmentMembership";
    }
    if ((plan->sections & PC_SECTION_BIT(PC_SECTION_IDENTITIES)) != 0) {
        parts[2] = "identityMap";
    }
    if ((plan->sections & PC_SECTION_BIT(PC_SECTION_INSIGHTS)) != 0) {
        parts[3] = pc_insight_set_fields(service->gatherer->insights);
        if (parts[3] == NULL) {
            return NULL;
        }
    }
    const char *fields = "";
    for (size_t i = 0; i < PC_COUNT_OF(parts) && fields != NULL; i++) {
        if (parts[i][0] != '\0') {
            fields =
                fields[0] == '\0' ? parts[i] : pc_arena_printf(arena, "%s,%s", fields, parts[i]);
        }
    }
    /* Nothing named (insights that are not configured): the smallest thing that finds the person.
     */
    return fields != NULL && fields[0] == '\0' ? "_id" : fields;
}

static void plan_sections(operation *op, const pc_mask *mask, const pc_service *service,
                          pc_status *status)
{
    pc_gather_plan *plan = &op->plan;
    for (size_t i = 0; i < PC_COUNT_OF(context_sections); i++) {
        pc_section section = context_sections[i].section;
        plan->numbers[section] = context_sections[i].number;
        plan->masks[section] = pc_mask_child(mask, context_sections[i].field);
        if (plan->masks[section] != NULL) {
            plan->sections |= PC_SECTION_BIT(section);
        }
    }
    if (plan->sections == 0) {
        pc_status_add_violation(status, "read_mask",
                                "must name at least one of profile, events, segment_memberships, "
                                "identities, insights");
        return;
    }
    plan->profile_fields = profile_fields(op, service);
    if (plan->masks[PC_SECTION_EVENTS] != NULL) {
        pc_status fields = pc_mask_upstream_fields(&plan->event_fields, pc_call_arena(op->call),
                                                   plan->masks[PC_SECTION_EVENTS]);
        pc_status_clear(&fields); /* Out of memory leaves NULL: all fields. */
    }
}

static void plan_events(operation *op, const pc_service *service, pc_status *status)
{
    pc_gather_plan *plan = &op->plan;
    plan->event_limit = pc_request_limit(status, "event_limit", op->request->event_limit,
                                         service->event_limit, service->event_limit_max);
    if (op->request->event_start_time != NULL) {
        plan->has_event_start = true;
        plan->event_start_ms =
            pc_request_time_ms(status, "event_start_time", op->request->event_start_time);
    } else if (service->event_window_ms > 0) {
        plan->has_event_start = true;
        plan->event_start_ms = pc_clock_wall_ms() - service->event_window_ms;
    }
}

void pc_get_context(pc_call *call, const void *request, void *self)
{
    const pc_service *service = self;
    operation *op = pc_arena_calloc(pc_call_arena(call), 1, sizeof *op);
    if (op == NULL) {
        pc_call_fail(call, pc_status_out_of_memory());
        return;
    }
    op->call = call;
    op->request = request;
    pc_status status = PC_OK;
    pc_read_fields fields = PC_READ_FIELDS(op->request, PROFILECONTEXT__V1__GET_CONTEXT_REQUEST);
    pc_request_person(&op->plan.person, &status, service, &fields);
    const pc_mask *mask;
    pc_request_mask(&mask, &status, pc_call_arena(call), op->request->read_mask, &pc_table_Context);
    if (mask != NULL) {
        plan_sections(op, mask, service, &status);
    }
    plan_events(op, service, &status);
    if (pc_status_ok(&status)) {
        status = pc_request_close_ns(&op->plan.close_ns, service, call);
    }
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    op->plan.request_id = pc_call_request_id(call);
    pc_call_ref(call);
    const pc_gather_callbacks callbacks = {on_gathered, on_released, op};
    pc_gather_for_call(call, service, &op->plan, &callbacks);
}

/* ---- answer ---------------------------------------------------------------------------------- */

/* An unknown person: the profile is not found and no event says otherwise. */
static bool nothing_to_say(const operation *op, const pc_gathered *gathered)
{
    for (int s = 1; s < PC_SECTION_COUNT; s++) {
        const pc_section_result *result = &gathered->sections[s];
        bool wanted = (op->plan.sections & PC_SECTION_BIT(s)) != 0;
        if (wanted && result->status == PC_SECTION_OK &&
            !(s == PC_SECTION_EVENTS && gathered->event_count == 0 &&
              gathered->profile_failure.code == PC_CODE_NOT_FOUND)) {
            return false;
        }
    }
    return true;
}

/* A known person without events may be "not found" to the upstream's event look-up. */
static void settle_events(const operation *op, pc_gathered *gathered)
{
    pc_section_result *events = &gathered->sections[PC_SECTION_EVENTS];
    bool known = (op->plan.sections & ~PC_SECTION_BIT(PC_SECTION_EVENTS)) != 0 &&
                 pc_status_ok(&gathered->profile_failure) && gathered->xid[0] != '\0';
    if (events->status == PC_SECTION_MISSING && known) {
        events->status = PC_SECTION_OK;
        events->reason = "";
        events->origin = PC_ORIGIN_UPSTREAM;
        events->fetched_wall_ms = pc_clock_wall_ms();
    }
}

static void on_gathered(void *self, pc_gathered *gathered)
{
    operation *op = self;
    pc_note_upstream(op->call, gathered);
    settle_events(op, gathered);
    if (!nothing_to_say(op, gathered)) {
        answer(op, gathered);
        return;
    }
    bool profile = (op->plan.sections & ~PC_SECTION_BIT(PC_SECTION_EVENTS)) != 0;
    pc_call_fail(op->call,
                 pc_take_failure(gathered, profile ? PC_SECTION_PROFILE : PC_SECTION_EVENTS));
}

/* The pieces of the answer, in the order in which they go out. */
typedef struct {
    pc_slice *slices[PC_SECTION_COUNT + 2];
    size_t count;
    size_t bytes;
} piece_list;

static void add_piece(piece_list *pieces, pc_slice *slice)
{
    if (slice != NULL) {
        pieces->slices[pieces->count++] = slice;
        pieces->bytes += pc_slice_size(slice);
    }
}

static void put_head(pc_buffer *out, const operation *op, const pc_gathered *gathered)
{
    const pc_person *person = &op->plan.person;
    if (person->xid == NULL) {
        size_t mark = pc_wire_begin(out, CONTEXT_IDENTITY);
        pc_wire_put_text(out, 1, person->namespace_code);
        pc_wire_put_text(out, 2, person->id);
        pc_wire_end(out, mark);
    }
    if (gathered->xid[0] != '\0') {
        pc_wire_put_text(out, CONTEXT_XID, gathered->xid);
    }
    int64_t now = pc_clock_wall_ms();
    for (int s = 1; s < PC_SECTION_COUNT; s++) {
        if ((op->plan.sections & PC_SECTION_BIT(s)) != 0) {
            pc_put_section_info(out, CONTEXT_SECTIONS, (pc_section)s, &gathered->sections[s], now);
        }
    }
}

static void answer(operation *op, pc_gathered *gathered)
{
    bool has_profile = gathered->sections[PC_SECTION_PROFILE].data != NULL;
    pc_buffer head;
    pc_buffer_init(&head, PC_HEAD_BYTES_MAX);
    put_head(&head, op, gathered);
    piece_list pieces = {.count = 1}; /* the frame comes first, once the rest is known */
    pc_slice *profile = pc_take_data(gathered, PC_SECTION_PROFILE);
    if (has_profile) {
        /* The profile is one message, so its frame ends the head. */
        pc_wire_put_tag(&head, CONTEXT_PROFILE, PC_WIRE_BYTES);
        pc_wire_put_varint(&head, profile == NULL ? 0 : pc_slice_size(profile));
        add_piece(&pieces, profile);
    }
    for (int s = PC_SECTION_EVENTS; s < PC_SECTION_COUNT; s++) {
        add_piece(&pieces, pc_take_data(gathered, (pc_section)s));
    }
    pc_buffer frame;
    pc_buffer_init(&frame, PC_HEAD_BYTES_MAX + 16);
    pc_wire_put_tag(&frame, RESPONSE_CONTEXT, PC_WIRE_BYTES);
    pc_wire_put_varint(&frame, head.size + pieces.bytes);
    pc_buffer_append(&frame, head.bytes, head.size);
    frame.failed = frame.failed || head.failed;
    pieces.slices[0] = pc_buffer_take_slice(&frame);
    pc_buffer_deinit(&head);
    pc_buffer_deinit(&frame);
    if (pieces.slices[0] == NULL) {
        for (size_t i = 1; i < pieces.count; i++) {
            pc_slice_unref(pieces.slices[i]);
        }
        pc_call_fail(op->call, pc_status_out_of_memory());
        return;
    }
    pc_call_answer(op->call, pieces.slices, pieces.count);
}

static void on_released(void *self)
{
    pc_call_unref(((operation *)self)->call);
}
