/* profilectl entity: a record that is no person, such as an account. */
#include <stdlib.h>

#include "session.h"
#include "view.h"

static void add_key(display *to, const char *name, const Profilecontext__V1__SourceKey *key)
{
    if (key == NULL) {
        return;
    }
    view_label(to, name);
    if (key->source_key != NULL) {
        display_add(to, STYLE_PLAIN, key->source_key);
    } else {
        display_addf(to, STYLE_PLAIN, "%s", key->source_id == NULL ? "" : key->source_id);
    }
    display_end(to);
}

/* The document itself, as indented JSON. */
static exit_code show_body(session *in, const Profilecontext__V1__Entity *entity)
{
    if (entity->body == NULL || entity->body->fields == NULL) {
        view_note(&in->out, "no document");
        return EXIT_CODE_OK;
    }
    view_heading(&in->out, "Document");
    return session_print_json(in, &entity->body->fields->base);
}

static exit_code show(session *in, const Profilecontext__V1__GetEntityResponse *response)
{
    const Profilecontext__V1__Entity *entity = response->entity;
    if (entity == NULL) {
        view_note(&in->out, "nothing known");
        return EXIT_CODE_OK;
    }
    display_addf(&in->out, STYLE_BOLD, "%s", in->options->schema);
    display_end(&in->out);
    if (entity->record_id != NULL) {
        view_label(&in->out, "Id");
        display_add(&in->out, STYLE_PLAIN, entity->record_id);
        display_end(&in->out);
    }
    add_key(&in->out, "Account key", entity->account_key);
    add_key(&in->out, "Opportunity key", entity->opportunity_key);
    if (entity->n_identity_map > 0) {
        view_heading(&in->out, "Identities");
        view_identities(&in->out, entity->identity_map, entity->n_identity_map);
    }
    exit_code code = show_body(in, entity);
    if (response->info != NULL) {
        view_heading(&in->out, "Data");
        view_section(&in->out, response->info);
    }
    return code;
}

exit_code command_entity(session *in, request_parts *parts)
{
    Profilecontext__V1__GetEntityRequest request;
    request_entity(&request, parts, in->options);
    Profilecontext__V1__GetEntityResponse *response = NULL;
    profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
    if (profilecontext_get_entity(&response, in->client, &request, &in->call, &status) !=
        PROFILECONTEXT_OK) {
        return session_fail(in, &status);
    }
    exit_code code =
        in->options->json ? session_print_json(in, &response->base) : show(in, response);
    profilecontext_response_free(response);
    return code;
}
