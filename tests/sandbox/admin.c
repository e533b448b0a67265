/* The admin endpoint, see admin.h. */
#include "admin.h"

#include "load.h"

#include <string.h>

static bool refuse_strangers(const struct sbx_request *request, struct sbx_answer *answer)
{
    if (request->loopback) {
        return false;
    }
    sbx_answer_json(answer, 403,
                    json_pack("{s:s}", "error", "/_sandbox answers on the loopback only"));
    return true;
}

static void say_error(struct sbx_answer *answer, const struct sbx_error *error)
{
    sbx_answer_json(answer, 400, json_pack("{s:s}", "error", error->text));
}

void sbx_admin_get_faults(struct sbx_service *service, const struct sbx_request *request,
                          struct sbx_answer *answer)
{
    if (!refuse_strangers(request, answer)) {
        sbx_answer_json(answer, 200, sbx_faults_get(service->faults));
    }
}

void sbx_admin_put_faults(struct sbx_service *service, const struct sbx_request *request,
                          struct sbx_answer *answer)
{
    if (refuse_strangers(request, answer)) {
        return;
    }
    struct sbx_error error = {""};
    json_t *calm = json_object();
    const json_t *wanted = strcmp(request->method, "DELETE") == 0 ? calm : request->json;
    if (!sbx_faults_set(service->faults, wanted, strcmp(request->method, "PATCH") == 0, &error)) {
        say_error(answer, &error);
    } else {
        sbx_answer_json(answer, 200, sbx_faults_get(service->faults));
    }
    json_decref(calm);
}

void sbx_admin_get_stats(struct sbx_service *service, const struct sbx_request *request,
                         struct sbx_answer *answer)
{
    if (refuse_strangers(request, answer)) {
        return;
    }
    struct sbx_store_totals totals;
    sbx_store_count(service->store, &totals);
    json_t *stats = sbx_stats_get(service->stats);
    json_object_set_new(
        stats, "records",
        json_pack("{s:I, s:I, s:I, s:I, s:I}", "persons", (json_int_t)totals.persons, "identities",
                  (json_int_t)totals.identities, "fragments", (json_int_t)totals.fragments,
                  "events", (json_int_t)totals.events, "audiences", (json_int_t)totals.audiences));
    sbx_answer_json(answer, 200, stats);
}

void sbx_admin_reset_stats(struct sbx_service *service, const struct sbx_request *request,
                           struct sbx_answer *answer)
{
    if (!refuse_strangers(request, answer)) {
        sbx_stats_reset(service->stats);
        sbx_answer_empty(answer, 204);
    }
}

void sbx_admin_revoke(struct sbx_service *service, const struct sbx_request *request,
                      struct sbx_answer *answer)
{
    if (!refuse_strangers(request, answer)) {
        sbx_gateway_revoke(service->gateway);
        sbx_answer_empty(answer, 204);
    }
}

void sbx_admin_load(struct sbx_service *service, const struct sbx_request *request,
                    struct sbx_answer *answer)
{
    if (refuse_strangers(request, answer)) {
        return;
    }
    struct sbx_error error = {""};
    size_t lines = 0;
    if (!sbx_load_text(service->store, "request", request->body.data, request->body.length, &lines,
                       &error)) {
        say_error(answer, &error);
    } else {
        sbx_answer_json(answer, 200, json_pack("{s:I}", "records", (json_int_t)lines));
    }
}
