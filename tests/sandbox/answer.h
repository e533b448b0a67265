/* An HTTP answer in the making, and the error bodies of the Entity API. */
#ifndef SBX_ANSWER_H
#define SBX_ANSWER_H

#include "text.h"

#include <jansson.h>

struct sbx_answer {
    unsigned status;
    const char *content_type; /* static; NULL when there is no body */
    struct sbx_text body;
    bool no_store;
};

/* Replaces whatever the answer held. Steals value. */
void sbx_answer_json(struct sbx_answer *answer, unsigned status, json_t *value);
void sbx_answer_empty(struct sbx_answer *answer, unsigned status);
void sbx_answer_text(struct sbx_answer *answer, unsigned status, const char *content_type,
                     const char *body);
void sbx_answer_deinit(struct sbx_answer *answer);

/* {"message","cause","statusCode"} with the status as a string; a NULL part is left out. */
void sbx_answer_entity_error(struct sbx_answer *answer, unsigned status, const char *message,
                             const char *cause);
json_t *sbx_entity_error(unsigned status, const char *message, const char *cause);
/* {"statusCode":"404"} */
void sbx_answer_not_found(struct sbx_answer *answer);
/* The array form of 429. */
void sbx_answer_throttled(struct sbx_answer *answer, int retry_after_ms);
/* {"title","status","detail"}: the identity service; a NULL detail is left out. */
void sbx_answer_identity_error(struct sbx_answer *answer, unsigned status, const char *title,
                               const char *detail);
/* {"reason","message"}: what its graphs say to a wrong request. */
void sbx_answer_graph_invalid(struct sbx_answer *answer, const char *message);
/* {"error_code","message"}: what the gateway says before the service is reached. */
void sbx_answer_gateway_error(struct sbx_answer *answer, unsigned status, const char *code,
                              const char *message);
/* The errors-by-status map of the audience API. */
void sbx_answer_errors_map(struct sbx_answer *answer, unsigned status, const char *type,
                           const char *message);

#endif
