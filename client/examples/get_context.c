/* Asks for the context of one customer, with a deadline, and prints what a program would act on.
 *
 *     cc get_context.c $(pkg-config --cflags --libs profilecontext) -o get_context
 *     ./get_context 127.0.0.1:50051 Email ada.byron@example.com */
#include <stdio.h>

#include <profilecontext/client.h>

static void print_failure(const profilecontext_status *status)
{
    fprintf(stderr, "%s: %s\n", profilecontext_code_name(status->code),
            status->message != NULL ? status->message : "");
    if (status->reason != NULL) {
        fprintf(stderr, "  reason: %s\n", status->reason);
    }
    for (size_t i = 0; i < status->violation_count; i++) {
        fprintf(stderr, "  %s: %s\n", status->violations[i].field,
                status->violations[i].description);
    }
    if (status->retry_after_ms >= 0) {
        fprintf(stderr, "  try again in %lld ms\n", (long long)status->retry_after_ms);
    }
    if (status->request_id != NULL) {
        fprintf(stderr, "  request id: %s\n", status->request_id);
    }
}

static void print_context(const Profilecontext__V1__Context *context)
{
    /* A section that is late or refused is marked, and its data is missing. */
    for (size_t i = 0; i < context->n_sections; i++) {
        const Profilecontext__V1__SectionInfo *info = context->sections[i];
        if (info->status != PROFILECONTEXT__V1__SECTION_STATUS__SECTION_STATUS_OK) {
            const ProtobufCEnumValue *section = protobuf_c_enum_descriptor_get_value(
                &profilecontext__v1__section__descriptor, (int)info->section);
            printf("%s is incomplete: %s\n", section != NULL ? section->name : "a new section",
                   info->reason);
        }
    }
    const Profilecontext__V1__Profile *profile = context->profile;
    if (profile != NULL && profile->person != NULL && profile->person->name != NULL) {
        const char *first = profile->person->name->first_name;
        printf("first name: %s\n", first != NULL ? first : "not known");
    }
    for (size_t i = 0; i < context->n_insights; i++) {
        const Profilecontext__V1__Insight *insight = context->insights[i];
        if (insight->value_case == PROFILECONTEXT__V1__INSIGHT__VALUE_NUMBER) {
            printf("%s: %g %s\n", insight->name, insight->number, insight->unit);
        }
    }
    printf("%zu events, %zu segments\n", context->n_events, context->n_segment_memberships);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: get_context HOST:PORT NAMESPACE ID\n");
        return 2;
    }
    profilecontext_options where = {.target = argv[1]};
    profilecontext_client *client = NULL;
    profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
    if (profilecontext_client_new(&client, &where, &status) != PROFILECONTEXT_OK) {
        print_failure(&status);
        profilecontext_status_clear(&status);
        return 1;
    }

    Profilecontext__V1__Identity identity = PROFILECONTEXT__V1__IDENTITY__INIT;
    identity.namespace_ = argv[2];
    identity.id = argv[3];
    Profilecontext__V1__GetContextRequest request = PROFILECONTEXT__V1__GET_CONTEXT_REQUEST__INIT;
    request.person_case = PROFILECONTEXT__V1__GET_CONTEXT_REQUEST__PERSON_IDENTITY;
    request.identity = &identity;
    request.event_limit = 20;

    /* The server answers before the deadline with what it has by then. */
    profilecontext_call_options how = {.deadline_ms = 1000};
    Profilecontext__V1__GetContextResponse *response = NULL;
    int result = 0;
    if (profilecontext_get_context(&response, client, &request, &how, &status) !=
        PROFILECONTEXT_OK) {
        print_failure(&status);
        result = 1;
    } else if (response->context != NULL) {
        print_context(response->context);
    }
    profilecontext_response_free(response);
    profilecontext_status_clear(&status);
    profilecontext_client_free(client);
    return result;
}
