/* Sends calls only where the server says that it can serve them: the channel watches its health,
 * and with several addresses takes a healthy one.
 *
 *     cc health_checked.c $(pkg-config --cflags --libs profilecontext) -o health_checked
 *     ./health_checked dns:///profile-context.internal:50051 Email ada.byron@example.com */
#include <stdio.h>

#include <profilecontext/client.h>

static const char service_config[] =
    "{\"loadBalancingConfig\":[{\"round_robin\":{}}],"
    " \"healthCheckConfig\":{\"serviceName\":\"profilecontext.v1.ProfileContext\"}}";

static int get_profile(profilecontext_client *client, char *namespace_, char *id)
{
    Profilecontext__V1__Identity identity = PROFILECONTEXT__V1__IDENTITY__INIT;
    identity.namespace_ = namespace_;
    identity.id = id;
    Profilecontext__V1__GetProfileRequest request = PROFILECONTEXT__V1__GET_PROFILE_REQUEST__INIT;
    request.person_case = PROFILECONTEXT__V1__GET_PROFILE_REQUEST__PERSON_IDENTITY;
    request.identity = &identity;

    profilecontext_call_options how = {.deadline_ms = 10000, .wait_for_ready = true};
    Profilecontext__V1__GetProfileResponse *response = NULL;
    profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
    int result = 1;
    if (profilecontext_get_profile(&response, client, &request, &how, &status) !=
        PROFILECONTEXT_OK) {
        fprintf(stderr, "%s: %s\n", profilecontext_code_name(status.code), status.message);
    } else if (response->profile != NULL && response->profile->person != NULL &&
               response->profile->person->name != NULL) {
        printf("first name: %s\n", response->profile->person->name->first_name);
        result = 0;
    }
    profilecontext_response_free(response);
    profilecontext_status_clear(&status);
    return result;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: health_checked TARGET NAMESPACE ID\n");
        return 2;
    }
    profilecontext_options where = {.target = argv[1], .service_config = service_config};
    profilecontext_client *client = NULL;
    profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
    int result = 1;
    if (profilecontext_client_new(&client, &where, &status) != PROFILECONTEXT_OK) {
        fprintf(stderr, "%s\n", status.message);
    } else {
        result = get_profile(client, argv[2], argv[3]);
    }
    profilecontext_status_clear(&status);
    profilecontext_client_free(client);
    return result;
}
