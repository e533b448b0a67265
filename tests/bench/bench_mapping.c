/* Times what the server does with an answer of about 10 KB about a profile and with a page of
 * events of about 1 MB, from the answer's JSON to a part that can be kept, and the mapping alone,
 * against jansson's parsing of the same bytes, in the same run, and counts the heap that each
 * needs. Not a test: it prints one JSON object a line. With a folder as its argument it also writes
 * the documents there, for others to parse (tests/bench/mapping). */
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "context/part.h"
#include "mapping/envelope.h"
#include "mapping/transcode.h"
#include "mapping_tables.h"
#include "util/clock.h"

enum { SEGMENTS = 40, RUNS_MAX = 2001, WAYS = 3 };

#define SEGMENT_ID "%08x-1111-4111-8111-111111111111"

typedef struct {
    const char *name;
    pc_slice *body;
    pc_json_range entity; /* in the body of a profile */
} document;

static void put(pc_buffer *out, const char *format, ...) PC_PRINTF(2, 3);

static void put(pc_buffer *out, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    pc_buffer_append(out, text, (size_t)size);
}

static void make_profile(pc_buffer *out)
{
    pc_buffer_append_text(
        out,
        "{\"A2synthXid_one-aaaaaaaaa\":{\"entityId\":\"A2synthXid_one-aaaaaaaaa\",\"mergePolicy\":{"
        "\"id\":\"7972e328-0000-4000-8000-000000000001\"},\"sources\":[\"65a0c6d2e4f5\"],"
        "\"entity\":"
        "{\"_id\":\"crm-1001\",\"person\":{\"name\":{\"firstName\":\"Ada\",\"lastName\":\"Byron\","
        "\"fullName\":\"Ada Byron, Countess of Lovelace\"},\"birthDate\":\"1990-12-10\",\"gender\":"
        "\"female\",\"maritalStatus\":\"married\"},\"personalEmail\":{\"address\":"
        "\"ada@example.com\",\"primary\":true,\"status\":\"active\"},\"mobilePhone\":{\"number\":"
        "\"+1 555 0100\",\"countryCode\":\"1\",\"primary\":true},\"homeAddress\":{\"street1\":"
        "\"1 Example Street\",\"city\":\"Torino\",\"postalCode\":\"10121\",\"countryCode\":\"IT\","
        "\"_schema\":{\"latitude\":45.0703,\"longitude\":7.6869}},\"identityMap\":{\"ecid\":[");
    for (unsigned i = 0; i < 12; i++) {
        pc_buffer_append(out, ",", i > 0);
        put(out, "{\"id\":\"100000000000000000000000000000000%05u\"}", i);
    }
    pc_buffer_append_text(out, "],\"email\":[{\"id\":\"ada@example.com\",\"primary\":true}]},"
                               "\"segmentMembership\":{\"ups\":{");
    for (unsigned i = 0; i < SEGMENTS; i++) {
        pc_buffer_append(out, ",", i > 0);
        put(out,
            "\"" SEGMENT_ID "\":{\"lastQualificationTime\":"
            "\"2025-08-20T02:41:50Z\",\"status\":\"realized\"}",
            i * 2654435761u);
    }
    pc_buffer_append_text(
        out,
        "}},\"consents\":{\"collect\":{\"val\":\"y\"},\"share\":{\"val\":\"n\"},"
        "\"marketing\":{\"preferred\":\"email\",\"any\":{\"val\":\"u\"},\"email\":"
        "{\"val\":\"y\",\"time\":\"2025-01-01T15:52:25+00:00\"}}},\"_tenant\":{\"customerAI\":{"
        "\"churn30d\":{\"score\":81,\"influentialFactors\":[{\"code\":\"visits\",\"value\":\"2\","
        "\"importance\":\"high\"}]},\"conversion30d\":{\"score\":12}},");
    for (unsigned i = 0; i < 40; i++) {
        pc_buffer_append(out, ",", i > 0);
        put(out,
            "\"attribute%u\":{\"value\":%u.25,\"label\":\"some label of %u\",\"flags\":[true,false,"
            "null],\"n\":%u}",
            i, i, i, i);
    }
    pc_buffer_append_text(out, "}},\"lastModifiedAt\":\"2025-08-21T06:49:02Z\"}}");
}

static void make_page(pc_buffer *out)
{
    pc_buffer_append_text(out, "{\"_page\":{\"orderby\":\"-timestamp\",\"count\":1400,\"next\":"
                               "\"c0000000-0000-4000-8000-000000000002\"},\"children\":[");
    for (unsigned i = 0; i < 1400; i++) {
        pc_buffer_append(out, ",", i > 0);
        put(out,
            "{\"relatedEntityId\":\"A2synthXid_two-bbbbbbbbb\",\"entityId\":\"c%07u-0000-4000-8000-"
            "000000000001\",\"timestamp\":1756260476000,\"entity\":{\"_id\":\"c%07u-0000-4000-8000-"
            "000000000001\",\"timestamp\":\"2025-08-27T02:07:56.000Z\",\"eventType\":"
            "\"commerce.purchases\",\"commerce\":{\"purchases\":{\"value\":1},\"order\":{"
            "\"purchaseID\":"
            "\"PO-%u\",\"priceTotal\":129.95,\"currencyCode\":\"EUR\"}},\"productListItems\":[{"
            "\"SKU\":"
            "\"sku-1\",\"name\":\"A thing\",\"quantity\":2,\"priceTotal\":99.5},{\"SKU\":\"sku-2\","
            "\"name\":\"Another\",\"quantity\":1,\"priceTotal\":30.45}],\"endUserIDs\":{\"_"
            "experience\":"
            "{\"ecid\":{\"id\":\"1000000000000000000000000000000000%04u\",\"namespace\":{\"code\":"
            "\"ecid\"}}}}},\"lastModifiedAt\":\"2025-08-21T06:49:02Z\"}",
            i, i, i, i);
    }
    pc_buffer_append_text(out, "],\"_links\":{\"next\":{\"href\":\"\"}}}");
}

/* ---- heap: every allocation is counted while `counting` ------------------------------------- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *old);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *old);

static size_t heap_now;
static size_t heap_peak;

static void *counted(void *bytes)
{
    heap_now += malloc_usable_size(bytes);
    heap_peak = heap_now > heap_peak ? heap_now : heap_peak;
    return bytes;
}

void *__wrap_malloc(size_t size)
{
    return counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return counted(__real_calloc(count, size));
}

/* Growing may need both places at once; shrinking is done in place. */
void *__wrap_realloc(void *old, size_t size)
{
    size_t before = malloc_usable_size(old);
    void *bytes = __real_realloc(old, size);
    if (bytes != NULL) {
        bool shrinks = malloc_usable_size(bytes) <= before;
        heap_now -= shrinks ? before : 0;
        (void)counted(bytes);
        heap_now -= shrinks ? 0 : before;
    }
    return bytes;
}

void __wrap_free(void *old)
{
    heap_now -= malloc_usable_size(old);
    __real_free(old);
}

/* ---- timing ---------------------------------------------------------------------------------- */

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* What the server is given when it maps: two insights, as in deploy/sandbox.yaml, where a case's
 * number stands, and the names of all audiences. */
static pc_insight_set *insight_set;
static pc_summary_rules *summary_rules;
static pc_audience_names *names;
static pc_part_rules rules;

static void make_rules(void)
{
    static const pc_insight_rule insights[] = {
        {.name = "churn_score",
         .path = "_tenant.customerAI.churn30d.score",
         .type = PC_INSIGHT_NUMBER,
         .has_bounds = true,
         .low_below = 25,
         .high_above = 74,
         .factors_path = "_tenant.customerAI.churn30d.influentialFactors"},
        {.name = "conversion_score",
         .path = "_tenant.customerAI.conversion30d.score",
         .type = PC_INSIGHT_NUMBER}};
    static const pc_summary_options summary = {.case_id_path = "_tenant.case.id",
                                               .case_status_path = "_tenant.case.status"};
    pc_status made[] = {pc_insight_set_new(&insight_set, insights, 2),
                        pc_summary_rules_new(&summary_rules, &summary),
                        pc_audience_names_new(&names, 1000, 3600000, 3600000)};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        if (!pc_status_ok(&made[i])) {
            (void)fputs("out of memory\n", stderr);
            exit(1);
        }
    }
    for (unsigned i = 0; i < SEGMENTS; i++) {
        char id[64];
        char name[64];
        (void)snprintf(id, sizeof id, SEGMENT_ID, i * 2654435761u);
        (void)snprintf(name, sizeof name, "Audience %u", i);
        const pc_segment_words words = {.name = name};
        pc_audience_names_put(names, "prod", id, &words, pc_clock_now_ns());
    }
    rules = (pc_part_rules){.insights = insight_set,
                            .summary = summary_rules,
                            .names = names,
                            .body_bytes_max = 64 << 20};
}

static size_t size_of(pc_status *status, pc_slice *part)
{
    size_t size = pc_status_ok(status) ? pc_slice_size(part) : 0;
    pc_status_clear(status);
    pc_slice_unref(part);
    return size;
}

static size_t make_profile_part(const document *of)
{
    pc_slice *part;
    pc_status status = pc_profile_part_make(&part, &rules, "prod", of->body);
    return size_of(&status, part);
}

static size_t make_events_part(const document *of)
{
    pc_slice *part;
    pc_status status = pc_events_part_make(&part, &rules, PC_PART_EVENTS_NUMBER, of->body);
    return size_of(&status, part);
}

static size_t transcode_profile(const document *of)
{
    pc_buffer out;
    pc_buffer_init(&out, SIZE_MAX);
    pc_status status =
        pc_transcode(&out, of->entity.bytes, of->entity.size, &pc_table_Profile, NULL);
    size_t size = pc_status_ok(&status) ? out.size : 0;
    pc_status_clear(&status);
    pc_buffer_deinit(&out);
    return size;
}

static size_t map_page(const document *of)
{
    pc_buffer out;
    pc_arena arena;
    pc_event_summary summary;
    pc_buffer_init(&out, SIZE_MAX);
    pc_arena_init(&arena, NULL, 0, 1 << 20);
    pc_status status = pc_map_events(&out, &summary, &arena, pc_slice_bytes(of->body),
                                     pc_slice_size(of->body), PC_PART_EVENTS_NUMBER, NULL);
    size_t size = pc_status_ok(&status) ? out.size : 0;
    pc_status_clear(&status);
    pc_buffer_deinit(&out);
    pc_arena_deinit(&arena);
    return size;
}

static size_t parse(const document *of)
{
    json_t *tree =
        json_loadb((const char *)pc_slice_bytes(of->body), pc_slice_size(of->body), 0, NULL);
    size_t size = json_object_size(tree);
    json_decref(tree);
    return size;
}

/* The medians of all ways, which take turns in blocks, so that what else the machine does hits
 * each, and each finds the caches as it left them. */
static void measure(const document *of, size_t (*const ways[WAYS])(const document *of), int runs,
                    double us[WAYS], size_t sizes[WAYS])
{
    enum { BLOCK = 10 };
    static double times[WAYS][RUNS_MAX];
    for (int i = 0; i < runs; i += BLOCK) {
        for (int way = 0; way < WAYS; way++) {
            for (int j = i; j < i + BLOCK && j < runs; j++) {
                double start = now_us();
                sizes[way] = ways[way](of);
                times[way][j] = now_us() - start;
            }
        }
    }
    for (int way = 0; way < WAYS; way++) {
        qsort(times[way], (size_t)runs, sizeof times[way][0], compare);
        us[way] = times[way][runs / 2];
    }
}

static void write_file(const char *folder, const document *of)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s.json", folder, of->name);
    FILE *file = fopen(path, "wb");
    size_t size = pc_slice_size(of->body);
    if (file == NULL || fwrite(pc_slice_bytes(of->body), 1, size, file) != size) {
        perror(path);
        exit(1);
    }
    (void)fclose(file);
}

static size_t peak_of(const document *of, size_t (*way)(const document *of))
{
    size_t before = heap_now;
    heap_peak = heap_now;
    (void)way(of);
    return heap_peak - before;
}

static void report(const document *of, size_t (*make)(const document *of),
                   size_t (*map)(const document *of), int runs)
{
    size_t (*const ways[WAYS])(const document *of) = {make, map, parse};
    double us[WAYS];
    size_t sizes[WAYS];
    measure(of, ways, runs, us, sizes);
    if (sizes[0] == 0 || sizes[1] == 0) {
        (void)fprintf(stderr, "%s could not be mapped\n", of->name);
        exit(1);
    }
    printf("{\"document\":\"%s\",\"json_bytes\":%zu,\"part_bytes\":%zu,\"part_us\":%.1f,"
           "\"part_heap_bytes\":%zu,\"mapping_us\":%.1f,\"mapping_heap_bytes\":%zu,"
           "\"jansson_us\":%.1f}\n",
           of->name, pc_slice_size(of->body), sizes[0], us[0], peak_of(of, make), us[1],
           peak_of(of, map), us[2]);
}

static document take_document(const char *name, pc_buffer *json)
{
    document made = {.name = name, .body = pc_buffer_take_slice(json)};
    if (made.body == NULL) {
        (void)fputs("out of memory\n", stderr);
        exit(1);
    }
    return made;
}

int main(int argc, char **argv)
{
    /* What is freed stays with the process, so that nobody's time is the kernel's for fresh pages,
     * which is what differs most from machine to machine. */
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 30);
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 30);
    pc_buffer json;
    pc_buffer_init(&json, SIZE_MAX);
    make_profile(&json);
    document profile = take_document("profile", &json);
    make_page(&json);
    document page = take_document("events", &json);
    pc_arena arena;
    pc_profile_envelope envelope;
    pc_arena_init(&arena, NULL, 0, 1 << 20);
    pc_status status = pc_envelope_profile(&envelope, &arena, pc_slice_bytes(profile.body),
                                           pc_slice_size(profile.body));
    if (pc_status_ok(&status)) {
        profile.entity = envelope.entity;
    }
    pc_status_clear(&status);
    make_rules();
    if (argc > 1) {
        write_file(argv[1], &profile);
        write_file(argv[1], &page);
    }
    report(&profile, make_profile_part, transcode_profile, RUNS_MAX);
    report(&page, make_events_part, map_page, 51);
    pc_arena_deinit(&arena);
    pc_slice_unref(profile.body);
    pc_slice_unref(page.body);
    pc_insight_set_free(insight_set);
    pc_summary_rules_free(summary_rules);
    pc_audience_names_free(names);
    return 0;
}
