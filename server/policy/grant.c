/* Names of rights and views, and lists of names. */
#include "policy/grant.h"

#include <string.h>
#include <strings.h>

#include "util/attributes.h"

static const char *const rights[PC_RIGHT_COUNT] = {
    [PC_RIGHT_GET_CONTEXT] = "GetContext",
    [PC_RIGHT_BATCH_GET_CONTEXTS] = "BatchGetContexts",
    [PC_RIGHT_GET_PROFILE] = "GetProfile",
    [PC_RIGHT_BATCH_GET_PROFILES] = "BatchGetProfiles",
    [PC_RIGHT_LIST_EVENTS] = "ListEvents",
    [PC_RIGHT_STREAM_EVENTS] = "StreamEvents",
    [PC_RIGHT_LIST_SEGMENT_MEMBERSHIPS] = "ListSegmentMemberships",
    [PC_RIGHT_GET_IDENTITIES] = "GetIdentities",
    [PC_RIGHT_GET_ENTITY] = "GetEntity",
    [PC_RIGHT_PREFETCH_CONTEXTS] = "PrefetchContexts",
    [PC_RIGHT_DELETE_PROFILE] = "DeleteProfile",
    [PC_RIGHT_HEALTH] = "Health",
    [PC_RIGHT_REFLECTION] = "Reflection",
    [PC_RIGHT_CHANNELZ] = "Channelz",
};

static const char *const views[PC_VIEW_COUNT] = {
    [PC_VIEW_PROFILE] = "profile",
    [PC_VIEW_EVENTS] = "events",
    [PC_VIEW_SEGMENTS] = "segment_memberships",
    [PC_VIEW_IDENTITIES] = "identities",
    [PC_VIEW_INSIGHTS] = "insights",
    [PC_VIEW_SUMMARY] = "summary",
    [PC_VIEW_ENTITY] = "entity",
};

const char *pc_right_name(pc_right right)
{
    return right < PC_RIGHT_COUNT ? rights[right] : "";
}

static bool begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

pc_right pc_right_of_path(const char *path)
{
    static const char own[] = "/profilecontext.v1.ProfileContext/";
    if (begins_with(path, own)) {
        for (int right = 0; right < PC_RIGHT_HEALTH; right++) {
            if (strcmp(path + sizeof own - 1, rights[right]) == 0) {
                return (pc_right)right;
            }
        }
    }
    return begins_with(path, "/grpc.health.")       ? PC_RIGHT_HEALTH
           : begins_with(path, "/grpc.reflection.") ? PC_RIGHT_REFLECTION
           : begins_with(path, "/grpc.channelz.")   ? PC_RIGHT_CHANNELZ
                                                    : PC_RIGHT_UNKNOWN;
}

const char *pc_view_name(pc_view view)
{
    return view < PC_VIEW_COUNT && views[view] != NULL ? views[view] : "";
}

bool pc_name_list_has(const pc_name_list *list, const char *name)
{
    for (size_t i = 0; !list->all && i < list->count; i++) {
        if (strcmp(list->names[i], name) == 0) {
            return true;
        }
    }
    return list->all;
}

bool pc_name_list_has_namespace(const pc_name_list *list, const char *name)
{
    return pc_name_list_has_namespace_bytes(list, (const uint8_t *)name, strlen(name));
}

bool pc_name_list_has_namespace_bytes(const pc_name_list *list, const uint8_t *name, size_t size)
{
    for (size_t i = 0; !list->all && i < list->count; i++) {
        if (strlen(list->names[i]) == size &&
            strncasecmp(list->names[i], (const char *)name, size) == 0) {
            return true;
        }
    }
    return list->all;
}
