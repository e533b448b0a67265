/* Asks for the lifetime value and churn of many customers, and prints each as it comes.
 *
 *     cc batch_get_contexts.c $(pkg-config --cflags --libs profilecontext) -o batch_get_contexts
 *     ./batch_get_contexts 127.0.0.1:50051 Email ada.byron@example.com mei.lin@example.com */
#include <stdio.h>
#include <stdlib.h>

#include <profilecontext/client.h>

static void print_answer(const Profilecontext__V1__BatchGetContextsResponse *answer,
                         char *const *ids)
{
    printf("%s: ", ids[answer->index]);
    if (answer->result_case == PROFILECONTEXT__V1__BATCH_GET_CONTEXTS_RESPONSE__RESULT_ERROR) {
        printf("%s\n", profilecontext_code_name((profilecontext_code)answer->error->code));
        return;
    }
    const Profilecontext__V1__ContextSummary *summary = answer->context->summary;
    if (summary != NULL && summary->lifetime_value != NULL) {
        printf("worth %.2f %s ", summary->lifetime_value->value, summary->lifetime_value->unit);
    }
    if (summary != NULL && summary->churn != NULL) {
        printf("churn %g", summary->churn->score);
    }
    printf("\n");
}

/* Reads the stream to its end. */
static int read_answers(profilecontext_stream *stream, char *const *ids)
{
    profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
    Profilecontext__V1__BatchGetContextsResponse *answer = NULL;
    while (profilecontext_batch_get_contexts_next(&answer, stream, &status) == PROFILECONTEXT_OK &&
           answer != NULL) {
        print_answer(answer, ids);
        profilecontext_response_free(answer);
    }
    int result = status.code == PROFILECONTEXT_OK ? 0 : 1;
    if (result != 0) {
        fprintf(stderr, "%s: %s\n", profilecontext_code_name(status.code), status.message);
    }
    profilecontext_status_clear(&status);
    return result;
}

static int ask(profilecontext_client *client, char *namespace_code, char **ids, size_t count)
{
    Profilecontext__V1__Identity *identities = calloc(count, sizeof *identities);
    Profilecontext__V1__PersonRef *refs = calloc(count, sizeof *refs);
    Profilecontext__V1__PersonRef **persons = calloc(count, sizeof *persons);
    int result = 1;
    if (identities != NULL && refs != NULL && persons != NULL) {
        for (size_t i = 0; i < count; i++) {
            profilecontext__v1__identity__init(&identities[i]);
            identities[i].namespace_ = namespace_code;
            identities[i].id = ids[i];
            profilecontext__v1__person_ref__init(&refs[i]);
            refs[i].person_case = PROFILECONTEXT__V1__PERSON_REF__PERSON_IDENTITY;
            refs[i].identity = &identities[i];
            persons[i] = &refs[i];
        }
        char summary[] = "summary";
        char *paths[] = {summary};
        Google__Protobuf__FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
        mask.paths = paths;
        mask.n_paths = 1;
        Profilecontext__V1__BatchGetContextsRequest request =
            PROFILECONTEXT__V1__BATCH_GET_CONTEXTS_REQUEST__INIT;
        request.persons = persons;
        request.n_persons = count;
        request.read_mask = &mask;

        profilecontext_stream *stream = NULL;
        if (profilecontext_batch_get_contexts(&stream, client, &request, NULL, NULL) ==
            PROFILECONTEXT_OK) {
            result = read_answers(stream, ids);
            profilecontext_stream_free(stream);
        }
    }
    free(identities);
    free(refs);
    free(persons);
    return result;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: batch_get_contexts HOST:PORT NAMESPACE ID...\n");
        return 2;
    }
    profilecontext_options where = {.target = argv[1]};
    profilecontext_client *client = NULL;
    if (profilecontext_client_new(&client, &where, NULL) != PROFILECONTEXT_OK) {
        fprintf(stderr, "cannot make a client for %s\n", argv[1]);
        return 1;
    }
    int result = ask(client, argv[2], argv + 3, (size_t)argc - 3);
    profilecontext_client_free(client);
    return result;
}
