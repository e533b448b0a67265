/* Times the mapping of a profile of about 10 KB and of a page of events of about 1 MB against
 * jansson's parsing of the same bytes, in the same run, and counts the heap that mapping needs.
 * Not a test: it prints one JSON object a line and never fails. With a folder as its argument it
 * also writes the documents there, for others to parse (tests/bench/mapping). */
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "mapping/envelope.h"
#include "mapping/transcode.h"
#include "mapping_tables.h"

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
    for (unsigned i = 0; i < 40; i++) {
        pc_buffer_append(out, ",", i > 0);
        put(out,
            "\"%08x-1111-4111-8111-111111111111\":{\"lastQualificationTime\":"
            "\"2025-08-20T02:41:50Z\",\"status\":\"realized\"}",
            i * 2654435761u);
    }
    pc_buffer_append_text(
        out, "}},\"consents\":{\"collect\":{\"val\":\"y\"},\"share\":{\"val\":\"n\"},"
             "\"marketing\":{\"preferred\":\"email\",\"any\":{\"val\":\"u\"},\"email\":"
             "{\"val\":\"y\",\"time\":\"2025-01-01T15:52:25+00:00\"}}},\"_tenant\":{");
    for (unsigned i = 0; i < 40; i++) {
        pc_buffer_append(out, ",", i > 0);
        put(out,
            "\"attribute%u\":{\"value\":%u.25,\"label\":\"some label of %u\",\"flags\":[true,false,"
            "null],\"n\":%u}",
            i, i, i, i);
    }
    pc_buffer_append_text(out, "}}");
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

/* Growing may need both places at once. */
void *__wrap_realloc(void *old, size_t size)
{
    size_t before = malloc_usable_size(old);
    void *bytes = __real_realloc(old, size);
    if (bytes != NULL) {
        (void)counted(bytes);
        heap_now -= before;
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

enum { RUNS_MAX = 2001 };

static size_t map_profile(const pc_buffer *json)
{
    pc_buffer out;
    pc_buffer_init(&out, SIZE_MAX);
    pc_status status = pc_transcode(&out, json->bytes, json->size, &pc_table_Profile, NULL);
    size_t size = pc_status_ok(&status) ? out.size : 0;
    pc_status_clear(&status);
    pc_buffer_deinit(&out);
    return size;
}

static size_t map_page(const pc_buffer *json)
{
    pc_buffer out;
    pc_arena arena;
    pc_event_summary summary;
    pc_buffer_init(&out, SIZE_MAX);
    pc_arena_init(&arena, NULL, 0, 1 << 20);
    pc_status status = pc_map_events(&out, &summary, &arena, json->bytes, json->size, 5, NULL);
    size_t size = pc_status_ok(&status) ? out.size : 0;
    pc_status_clear(&status);
    pc_buffer_deinit(&out);
    pc_arena_deinit(&arena);
    return size;
}

static size_t parse(const pc_buffer *json)
{
    json_t *tree = json_loadb((const char *)json->bytes, json->size, 0, NULL);
    size_t size = json_object_size(tree);
    json_decref(tree);
    return size;
}

/* The medians of both, which take turns in blocks, so that what else the machine does hits both,
 * and each finds the caches as it left them. */
static void measure(const pc_buffer *json, size_t (*map)(const pc_buffer *json), int runs,
                    double *map_us, double *parse_us, size_t *wire)
{
    enum { BLOCK = 10 };
    static double maps[RUNS_MAX];
    static double parses[RUNS_MAX];
    for (int i = 0; i < runs; i += BLOCK) {
        for (int j = i; j < i + BLOCK && j < runs; j++) {
            double start = now_us();
            *wire = map(json);
            maps[j] = now_us() - start;
        }
        for (int j = i; j < i + BLOCK && j < runs; j++) {
            double start = now_us();
            (void)parse(json);
            parses[j] = now_us() - start;
        }
    }
    qsort(maps, (size_t)runs, sizeof *maps, compare);
    qsort(parses, (size_t)runs, sizeof *parses, compare);
    *map_us = maps[runs / 2];
    *parse_us = parses[runs / 2];
}

static void write_file(const char *folder, const char *name, const pc_buffer *json)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s.json", folder, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(json->bytes, 1, json->size, file) != json->size) {
        perror(path);
        exit(1);
    }
    (void)fclose(file);
}

static void report(const char *name, size_t (*map)(const pc_buffer *json), const pc_buffer *json,
                   int runs)
{
    size_t wire = 0;
    double ours;
    double theirs;
    measure(json, map, runs, &ours, &theirs, &wire);
    size_t before = heap_now;
    heap_peak = heap_now;
    (void)map(json);
    printf("{\"document\":\"%s\",\"json_bytes\":%zu,\"wire_bytes\":%zu,\"mapping_us\":%.1f,"
           "\"jansson_us\":%.1f,\"peak_heap_bytes\":%zu}\n",
           name, json->size, wire, ours, theirs, heap_peak - before);
}

int main(int argc, char **argv)
{
    pc_buffer profile;
    pc_buffer page;
    pc_buffer_init(&profile, SIZE_MAX);
    pc_buffer_init(&page, SIZE_MAX);
    make_profile(&profile);
    make_page(&page);
    if (argc > 1) {
        write_file(argv[1], "profile", &profile);
        write_file(argv[1], "events", &page);
    }
    report("profile", map_profile, &profile, RUNS_MAX);
    report("events", map_page, &page, 51);
    pc_buffer_deinit(&profile);
    pc_buffer_deinit(&page);
    return 0;
}
