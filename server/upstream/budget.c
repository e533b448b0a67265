/* One lock, held for a few steps of arithmetic. Callers' buckets stand in a small table in which a
 * newcomer takes the place of who has been quiet for longest. */
#include "upstream/budget.h"

#include <pthread.h>
#include <stdlib.h>

#include "util/caller_key.h"
#include "util/clock.h"

enum {
    CALLERS = 1024, /* whose shares are known at once */
    CALLER_WAYS = 8,
    SEARCH_MAX = 64, /* of those that wait in one class, for one whose caller may go */
    PAUSE_MS_MAX = 60 * 1000
};

static const double decrease = 0.7;
static const double rate_least = 0.05;      /* of the configured one */
static const double recovery_per_s = 0.05;  /* likewise */
static const double no_rate_wait_s = 0.010; /* between tries where nothing says when */

/* What a class leaves to those above it, of tokens and of the bound on calls under way. */
static const double reserve[PC_CRITICALITY_COUNT] = {0, 0.05, 0.25, 0.5};

typedef struct {
    uint64_t name; /* 0: a free place */
    double tokens;
    int64_t at_ns;
} caller_bucket;

struct pc_budget {
    pc_budget_options options;
    pthread_mutex_t lock; /* guards all that follows */
    double tokens;
    int64_t tokens_at_ns; /* 0: not yet */
    double rate_factor;   /* of the configured rate */
    double bound;
    int64_t lowered_at_ns;
    int64_t paused_until_ns;
    double usual_s; /* that a call takes which goes well, of late; 0: not known */
    pc_budget_ticket *waiting[PC_CRITICALITY_COUNT]; /* oldest first */
    pc_budget_ticket **waiting_end[PC_CRITICALITY_COUNT];
    pc_budget_figures figures; /* its counts */
    caller_bucket callers[CALLERS];
};

pc_status pc_budget_new(pc_budget **out, const pc_budget_options *options)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        return pc_status_out_of_memory();
    }
    (*out)->options = *options;
    (*out)->rate_factor = 1;
    (*out)->bound = options->calls_max;
    (*out)->tokens = options->burst;
    for (int c = 0; c < PC_CRITICALITY_COUNT; c++) {
        (*out)->waiting_end[c] = &(*out)->waiting[c];
    }
    pthread_mutex_init(&(*out)->lock, NULL);
    return PC_OK;
}

void pc_budget_free(pc_budget *budget)
{
    if (budget != NULL) {
        pthread_mutex_destroy(&budget->lock);
        free(budget);
    }
}

/* ---- tokens, under the lock -------------------------------------------------------------------
 */

static double seconds(int64_t ns)
{
    return ns <= 0 ? 0 : (double)ns / 1e9;
}

static double least_of(double a, double b)
{
    return a < b ? a : b;
}

static double rate_now(const pc_budget *b)
{
    return b->options.rate * b->rate_factor;
}

static void refill(pc_budget *b, int64_t now_ns)
{
    double passed = b->tokens_at_ns == 0 ? 0 : seconds(now_ns - b->tokens_at_ns);
    b->tokens = least_of(b->options.burst, b->tokens + passed * rate_now(b));
    b->rate_factor = least_of(1, b->rate_factor + passed * recovery_per_s);
    b->tokens_at_ns = now_ns;
}

static double share_of(const pc_budget *b, uint64_t caller)
{
    unsigned percent = pc_caller_key_share(caller);
    return percent == 0 ? b->options.caller_share : (double)percent / 100;
}

static bool is_bounded(const pc_budget *b, uint64_t caller)
{
    return b->options.rate > 0 && caller != 0 && share_of(b, caller) < 1;
}

static double caller_burst(const pc_budget *b, uint64_t caller)
{
    double burst = b->options.burst * share_of(b, caller);
    return burst < 1 ? 1 : burst;
}

/* The caller's bucket, filled up to now; NULL where callers have none. */
static caller_bucket *bucket_of(pc_budget *b, uint64_t name, int64_t now_ns)
{
    if (!is_bounded(b, name)) {
        return NULL;
    }
    caller_bucket *ways = &b->callers[name % (CALLERS / CALLER_WAYS) * CALLER_WAYS];
    caller_bucket *quiet = &ways[0];
    for (int i = 0; i < CALLER_WAYS; i++) {
        if (ways[i].name == name) {
            double filled = seconds(now_ns - ways[i].at_ns) * rate_now(b) * share_of(b, name);
            ways[i].tokens = least_of(caller_burst(b, name), ways[i].tokens + filled);
            ways[i].at_ns = now_ns;
            return &ways[i];
        }
        if (ways[i].at_ns < quiet->at_ns) {
            quiet = &ways[i];
        }
    }
    *quiet = (caller_bucket){.name = name, .tokens = caller_burst(b, name), .at_ns = now_ns};
    return quiet;
}

static double reserve_of(const pc_budget *b, pc_criticality c)
{
    /* However small the burst, each class can come to its turn. */
    return least_of(reserve[c] * b->options.burst, b->options.burst - 1);
}

/* Whether the class may take a token and a place. */
static bool class_may(const pc_budget *b, pc_criticality c, int64_t now_ns)
{
    double places = b->bound * (1 - reserve[c]);
    bool has_place = b->figures.under_way == 0 || b->figures.under_way + 1 <= places;
    bool has_token = b->options.rate <= 0 || b->tokens >= 1 + reserve_of(b, c);
    return now_ns >= b->paused_until_ns && has_place && has_token;
}

static void take(pc_budget *b, caller_bucket *bucket, pc_criticality c)
{
    b->tokens -= 1;
    if (bucket != NULL) {
        bucket->tokens -= 1;
    }
    b->figures.granted[c]++;
}

static bool grant(pc_budget *b, const pc_budget_ticket *t, int64_t now_ns)
{
    caller_bucket *bucket = bucket_of(b, t->caller, now_ns);
    if (!class_may(b, t->criticality, now_ns) || (bucket != NULL && bucket->tokens < 1)) {
        return false;
    }
    take(b, bucket, t->criticality);
    b->figures.under_way++;
    return true;
}

/* ---- waiting, under the lock -------------------------------------------------------------------
 */

static void enqueue(pc_budget *b, pc_budget_ticket *t)
{
    t->next = NULL;
    t->link = b->waiting_end[t->criticality];
    *t->link = t;
    b->waiting_end[t->criticality] = &t->next;
    b->figures.waiting[t->criticality]++;
}

static void dequeue(pc_budget *b, pc_budget_ticket *t)
{
    *t->link = t->next;
    if (t->next != NULL) {
        t->next->link = t->link;
    } else {
        b->waiting_end[t->criticality] = t->link;
    }
    t->link = NULL;
    b->figures.waiting[t->criticality]--;
}

static unsigned waiting_before(const pc_budget *b, pc_criticality c)
{
    unsigned count = 0;
    for (int above = 0; above <= (int)c; above++) {
        count += b->figures.waiting[above];
    }
    return count;
}

/* Seconds until one who comes now has a place, as far as calls take what they did of late. */
static double wait_for_place_s(const pc_budget *b, const pc_budget_ticket *t)
{
    double places = b->bound * (1 - reserve[t->criticality]);
    return b->figures.under_way + 1 <= places
               ? 0
               : b->usual_s * (waiting_before(b, t->criticality) + 1) / (places < 1 ? 1 : places);
}

/* Seconds until one who comes now has its turn, by rate and pause. */
static double wait_s(pc_budget *b, const pc_budget_ticket *t, int64_t now_ns)
{
    double wait = seconds(b->paused_until_ns - now_ns);
    if (b->options.rate <= 0) {
        return wait;
    }
    double missing =
        1 + reserve_of(b, t->criticality) + waiting_before(b, t->criticality) - b->tokens;
    const caller_bucket *bucket = bucket_of(b, t->caller, now_ns);
    double share = share_of(b, t->caller);
    if (bucket != NULL && (1 - bucket->tokens) / share > missing) {
        missing = (1 - bucket->tokens) / share;
    }
    double by_rate = missing <= 0 ? 0 : missing / rate_now(b);
    return by_rate > wait ? by_rate : wait;
}

/* ---- the face ---------------------------------------------------------------------------------
 */

pc_budget_verdict pc_budget_ask(pc_budget *budget, pc_budget_ticket *ticket, int64_t now_ns,
                                int64_t *retry_ms)
{
    pc_budget_verdict verdict = PC_BUDGET_WAITS;
    *retry_ms = 0;
    ticket->link = NULL;
    pthread_mutex_lock(&budget->lock);
    refill(budget, now_ns);
    if (waiting_before(budget, ticket->criticality) == 0 && grant(budget, ticket, now_ns)) {
        verdict = PC_BUDGET_GRANTED;
    } else {
        double wait = wait_s(budget, ticket, now_ns);
        double left = seconds(ticket->deadline_ns - now_ns);
        double place = wait_for_place_s(budget, ticket);
        if (place > 0 && place + budget->usual_s >= left) {
            /* It would take its place in time, and be late all the same: a call for nothing. */
            wait = place > left ? place : left;
        }
        if (wait >= left) {
            verdict = PC_BUDGET_REFUSED;
            *retry_ms = 1 + (int64_t)(wait * 1000);
            budget->figures.refused[ticket->criticality]++;
        } else {
            enqueue(budget, ticket);
        }
    }
    pthread_mutex_unlock(&budget->lock);
    return verdict;
}

bool pc_budget_take_spare(pc_budget *budget, uint64_t caller, int64_t now_ns)
{
    const pc_budget_ticket ticket = {.criticality = PC_CRITICALITY_PREFETCH, .caller = caller};
    pthread_mutex_lock(&budget->lock);
    refill(budget, now_ns);
    bool taken = waiting_before(budget, ticket.criticality) == 0 && grant(budget, &ticket, now_ns);
    pthread_mutex_unlock(&budget->lock);
    return taken;
}

/* The oldest of a class whose caller may go. */
static pc_budget_ticket *next_of(pc_budget *b, pc_criticality c, int64_t now_ns)
{
    pc_budget_ticket *t = b->waiting[c];
    for (int tries = 0; t != NULL && tries < SEARCH_MAX; tries++) {
        if (grant(b, t, now_ns)) {
            dequeue(b, t);
            return t;
        }
        t = t->next;
    }
    return NULL;
}

pc_budget_ticket *pc_budget_next(pc_budget *budget, int64_t now_ns)
{
    pc_budget_ticket *ticket = NULL;
    pthread_mutex_lock(&budget->lock);
    refill(budget, now_ns);
    /* What one class may not take, those below may not either. */
    for (int c = 0;
         ticket == NULL && c < PC_CRITICALITY_COUNT && class_may(budget, (pc_criticality)c, now_ns);
         c++) {
        ticket = next_of(budget, (pc_criticality)c, now_ns);
    }
    pthread_mutex_unlock(&budget->lock);
    return ticket;
}

int64_t pc_budget_due_ns(pc_budget *budget, int64_t now_ns)
{
    int64_t due = PC_NEVER_NS;
    pthread_mutex_lock(&budget->lock);
    refill(budget, now_ns);
    for (int c = 0; c < PC_CRITICALITY_COUNT; c++) {
        const pc_budget_ticket *first = budget->waiting[c];
        bool by_time = budget->options.rate > 0 || now_ns < budget->paused_until_ns;
        if (first != NULL && by_time) {
            double missing = 1 + reserve_of(budget, (pc_criticality)c) - budget->tokens;
            double wait = seconds(budget->paused_until_ns - now_ns);
            double by_rate = missing > 0 && budget->options.rate > 0 ? missing / rate_now(budget)
                                                                     : no_rate_wait_s;
            wait = by_rate > wait ? by_rate : wait;
            int64_t at = now_ns + (int64_t)(wait * 1e9) + 1;
            due = at < due ? at : due;
        }
    }
    pthread_mutex_unlock(&budget->lock);
    return due;
}

void pc_budget_leave(pc_budget *budget, pc_budget_ticket *ticket)
{
    pthread_mutex_lock(&budget->lock);
    if (ticket->link != NULL) {
        dequeue(budget, ticket);
    }
    pthread_mutex_unlock(&budget->lock);
}

pc_budget_ticket *pc_budget_take_back(pc_budget *budget)
{
    pc_budget_ticket *ticket = NULL;
    pthread_mutex_lock(&budget->lock);
    for (int c = 0; ticket == NULL && c < PC_CRITICALITY_COUNT; c++) {
        ticket = budget->waiting[c];
    }
    if (ticket != NULL) {
        dequeue(budget, ticket);
    }
    pthread_mutex_unlock(&budget->lock);
    return ticket;
}

void pc_budget_raise(pc_budget *budget, pc_budget_ticket *ticket, pc_criticality criticality)
{
    pthread_mutex_lock(&budget->lock);
    if (criticality < ticket->criticality) {
        bool waits = ticket->link != NULL;
        if (waits) {
            dequeue(budget, ticket);
        }
        ticket->criticality = criticality;
        if (waits) {
            enqueue(budget, ticket);
        }
    }
    pthread_mutex_unlock(&budget->lock);
}

void pc_budget_spend(pc_budget *budget, const pc_budget_ticket *ticket, int64_t now_ns)
{
    pthread_mutex_lock(&budget->lock);
    refill(budget, now_ns);
    take(budget, bucket_of(budget, ticket->caller, now_ns), ticket->criticality);
    pthread_mutex_unlock(&budget->lock);
}

/* At most once for each round of answers: they are all about the same moment. */
static void lower(pc_budget *b, bool throttled, int64_t took_ns, int64_t now_ns)
{
    if (b->lowered_at_ns != 0 && now_ns - b->lowered_at_ns < took_ns) {
        return;
    }
    b->lowered_at_ns = now_ns;
    b->figures.throttled++;
    b->bound = b->bound * decrease;
    if (b->bound < b->options.calls_min) {
        b->bound = b->options.calls_min;
    }
    if (throttled) {
        b->rate_factor = b->rate_factor * decrease;
        b->rate_factor = b->rate_factor < rate_least ? rate_least : b->rate_factor;
    }
}

void pc_budget_end(pc_budget *budget, pc_budget_outcome outcome, int64_t took_ns,
                   int64_t retry_after_ms, int64_t now_ns)
{
    pthread_mutex_lock(&budget->lock);
    refill(budget, now_ns);
    budget->figures.under_way--;
    bool slow = budget->options.slow_ms > 0 && took_ns > budget->options.slow_ms * 1000000;
    if (outcome == PC_BUDGET_THROTTLED || slow) {
        lower(budget, outcome == PC_BUDGET_THROTTLED, took_ns, now_ns);
    } else if (outcome == PC_BUDGET_WENT_WELL) {
        budget->bound = least_of(budget->options.calls_max, budget->bound + 1 / budget->bound);
        double took_s = seconds(took_ns);
        budget->usual_s =
            budget->usual_s == 0 ? took_s : budget->usual_s + (took_s - budget->usual_s) / 16;
    }
    if (outcome == PC_BUDGET_THROTTLED && retry_after_ms > 0) {
        int64_t pause_ms = retry_after_ms < PAUSE_MS_MAX ? retry_after_ms : PAUSE_MS_MAX;
        int64_t until = pc_clock_after_ms(now_ns, pause_ms);
        budget->paused_until_ns = until > budget->paused_until_ns ? until : budget->paused_until_ns;
    }
    pthread_mutex_unlock(&budget->lock);
}

void pc_budget_give_back(pc_budget *budget, uint64_t caller, int64_t now_ns)
{
    pthread_mutex_lock(&budget->lock);
    refill(budget, now_ns);
    budget->figures.under_way--;
    budget->tokens = least_of(budget->options.burst, budget->tokens + 1);
    caller_bucket *bucket = bucket_of(budget, caller, now_ns);
    if (bucket != NULL) {
        bucket->tokens = least_of(caller_burst(budget, caller), bucket->tokens + 1);
    }
    pthread_mutex_unlock(&budget->lock);
}

int64_t pc_budget_left(pc_budget *budget, pc_criticality criticality, uint64_t caller,
                       int64_t now_ns)
{
    int64_t left = -1;
    pthread_mutex_lock(&budget->lock);
    if (budget->options.rate > 0) {
        refill(budget, now_ns);
        double tokens = budget->tokens - reserve_of(budget, criticality);
        const caller_bucket *bucket = bucket_of(budget, caller, now_ns);
        tokens = bucket == NULL ? tokens : least_of(tokens, bucket->tokens);
        left = tokens < 0 ? 0 : (int64_t)tokens;
    }
    pthread_mutex_unlock(&budget->lock);
    return left;
}

void pc_budget_read(pc_budget *budget, pc_budget_figures *out, int64_t now_ns)
{
    pthread_mutex_lock(&budget->lock);
    refill(budget, now_ns);
    *out = budget->figures;
    out->calls_bound = budget->bound;
    out->rate = rate_now(budget);
    out->tokens = budget->options.rate > 0 ? budget->tokens : 0;
    pthread_mutex_unlock(&budget->lock);
}
