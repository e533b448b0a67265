/* Persons are sorted once, so that each identity of each entry is looked up by halving. */
#include "context/batch_match.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mapping/entity_identities.h"

enum { ENTRIES_MAX = 10000 };

pc_status pc_batch_entries_read(pc_batch_entries *out, pc_arena *arena, const uint8_t *bytes,
                                size_t size)
{
    *out = (pc_batch_entries){.entries = NULL};
    pc_profile_iterator iterator;
    pc_profile_envelope entry;
    size_t room = 0;
    bool found = true;
    pc_profile_iterator_init(&iterator, arena, bytes, size);
    while (out->count < ENTRIES_MAX) {
        pc_status status = pc_profile_iterator_next(&iterator, &entry, &found);
        if (!pc_status_ok(&status) || !found) {
            return status;
        }
        if (out->count == room) {
            room = room == 0 ? 64 : room * 2;
            pc_profile_envelope *more = pc_arena_alloc(arena, room * sizeof *more);
            if (more == NULL) {
                return pc_status_out_of_memory();
            }
            if (out->count > 0) {
                memcpy(more, out->entries, out->count * sizeof *more);
            }
            out->entries = more;
        }
        out->entries[out->count++] = entry;
    }
    return PC_OK;
}

/* A person in sorted order: by XID or by namespace and id. */
typedef struct {
    const pc_person_ref *ref;
    size_t place;
} sorted_person;

static const char *text_of(const char *text)
{
    return text == NULL ? "" : text;
}

static int compare_refs(const pc_person_ref *a, const pc_person_ref *b)
{
    if (a->xid != NULL || b->xid != NULL) {
        return a->xid == NULL ? 1 : b->xid == NULL ? -1 : strcmp(a->xid, b->xid);
    }
    int order = strcasecmp(text_of(a->namespace_code), text_of(b->namespace_code));
    return order != 0 ? order : strcmp(text_of(a->id), text_of(b->id));
}

static int compare_sorted(const void *a, const void *b)
{
    return compare_refs(((const sorted_person *)a)->ref, ((const sorted_person *)b)->ref);
}

typedef struct {
    int *matches;
    sorted_person *sorted;
    size_t count;
    bool *used; /* by entry */
} matching;

/* Gives the entry to every person who is named by `ref` and has none. */
static void give(matching *m, const pc_person_ref *ref, size_t entry)
{
    size_t low = 0;
    size_t high = m->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_refs(m->sorted[middle].ref, ref) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < m->count && compare_refs(m->sorted[low].ref, ref) == 0; low++) {
        int *match = &m->matches[m->sorted[low].place];
        m->used[entry] = true;
        if (*match == PC_NO_ENTRY) {
            *match = (int)entry;
        }
    }
}

static void match_requested(matching *m, const pc_profile_envelope *entry, size_t place)
{
    if (entry->requested_id[0] == '\0') {
        return;
    }
    const pc_person_ref by_identity = {entry->requested_namespace, entry->requested_id, NULL};
    const pc_person_ref by_xid = {.xid = entry->requested_id};
    give(m, entry->requested_namespace[0] == '\0' ? &by_xid : &by_identity, place);
}

static pc_status match_listed(matching *m, pc_arena *arena, const pc_profile_envelope *entry,
                              size_t place)
{
    pc_entity_identity *identities;
    size_t count;
    pc_status status = pc_entity_identities(&identities, &count, arena, &entry->entity);
    for (size_t i = 0; pc_status_ok(&status) && i < count; i++) {
        const pc_person_ref ref = {identities[i].namespace_code, identities[i].id, NULL};
        give(m, &ref, place);
    }
    return status;
}

/* Only entries that no other rule gave to anyone are worth looking at. */
static void match_known(matching *m, const pc_batch_entries *entries, const pc_known_xid *known,
                        size_t known_count)
{
    for (size_t j = 0; j < entries->count; j++) {
        if (m->used[j]) {
            continue;
        }
        for (size_t i = 0; i < known_count; i++) {
            int *match = &m->matches[known[i].person];
            if (*match == PC_NO_ENTRY && strcmp(entries->entries[j].xid, known[i].xid) == 0) {
                *match = (int)j;
                m->used[j] = true;
            }
        }
    }
}

/* Rule 5. */
static void match_placeholders(matching *m, const pc_batch_entries *entries)
{
    size_t placeholders = 0;
    size_t persons = 0;
    for (size_t i = 0; i < entries->count; i++) {
        if (!m->used[i] && !entries->entries[i].placeholder) {
            return;
        }
        placeholders += !m->used[i];
    }
    for (size_t i = 0; i < m->count; i++) {
        persons += m->matches[i] == PC_NO_ENTRY;
    }
    for (size_t i = 0; persons > 0 && persons == placeholders && i < m->count; i++) {
        if (m->matches[i] == PC_NO_ENTRY) {
            m->matches[i] = PC_UNKNOWN_PERSON;
        }
    }
}

pc_status pc_batch_match(int *matches, pc_arena *arena, const pc_person_ref *persons,
                         size_t person_count, const pc_batch_entries *entries,
                         const pc_known_xid *known, size_t known_count)
{
    matching m = {.matches = matches, .count = person_count};
    m.sorted = pc_arena_calloc(arena, person_count + 1, sizeof *m.sorted);
    m.used = pc_arena_calloc(arena, entries->count + 1, sizeof *m.used);
    if (m.sorted == NULL || m.used == NULL) {
        return pc_status_out_of_memory();
    }
    for (size_t i = 0; i < person_count; i++) {
        matches[i] = PC_NO_ENTRY;
        m.sorted[i] = (sorted_person){&persons[i], i};
    }
    qsort(m.sorted, person_count, sizeof *m.sorted, compare_sorted);
    pc_status status = PC_OK;
    for (size_t i = 0; i < entries->count; i++) {
        match_requested(&m, &entries->entries[i], i);
    }
    for (size_t i = 0; i < entries->count; i++) {
        const pc_person_ref by_xid = {.xid = entries->entries[i].xid};
        give(&m, &by_xid, i);
    }
    for (size_t i = 0; pc_status_ok(&status) && i < entries->count; i++) {
        status = match_listed(&m, arena, &entries->entries[i], i);
    }
    match_known(&m, entries, known, known_count);
    if (pc_status_ok(&status)) {
        match_placeholders(&m, entries);
    }
    return status;
}
