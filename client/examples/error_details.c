/* Reads the details of an error: asks with a request that cannot be right, and prints what a
 * program decides by.
 *
 *     cc error_details.c $(pkg-config --cflags --libs profilecontext) -o error_details
 *     ./error_details 127.0.0.1:50051 */
#include <stdio.h>

#include <profilecontext/client.h>

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: error_details HOST:PORT\n");
        return 2;
    }
    profilecontext_options where = {.target = argv[1]};
    profilecontext_client *client = NULL;
    profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
    Profilecontext__V1__GetContextResponse *response = NULL;
    if (profilecontext_client_new(&client, &where, &status) == PROFILECONTEXT_OK) {
        Profilecontext__V1__Identity identity = PROFILECONTEXT__V1__IDENTITY__INIT;
        char no_namespace[] = "";
        identity.namespace_ = no_namespace;
        identity.id = no_namespace;
        Profilecontext__V1__GetContextRequest request =
            PROFILECONTEXT__V1__GET_CONTEXT_REQUEST__INIT;
        request.person_case = PROFILECONTEXT__V1__GET_CONTEXT_REQUEST__PERSON_IDENTITY;
        request.identity = &identity;
        (void)profilecontext_get_context(&response, client, &request, NULL, &status);
    }

    /* The code is for general rules, the reason for special ones; the message is for a person. */
    printf("code: %s\n", profilecontext_code_name(status.code));
    printf("reason: %s\n", status.reason != NULL ? status.reason : "not told");
    printf("domain: %s\n", status.domain != NULL ? status.domain : "not told");
    for (size_t i = 0; i < status.violation_count; i++) {
        printf("field: %s: %s\n", status.violations[i].field, status.violations[i].description);
    }
    if (status.retry_after_ms >= 0) {
        printf("retry after: %lld ms\n", (long long)status.retry_after_ms);
    }
    printf("request id: %s\n", status.request_id != NULL ? status.request_id : "not told");
    int result = status.code == PROFILECONTEXT_INVALID_ARGUMENT ? 0 : 1;
    profilecontext_response_free(response);
    profilecontext_status_clear(&status);
    profilecontext_client_free(client);
    return result;
}
