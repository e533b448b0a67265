/* How much it matters that something is done now: who goes first, and who goes without, when there
 * is not enough for all. */
#ifndef PC_UTIL_CRITICALITY_H
#define PC_UTIL_CRITICALITY_H

/* The first is served first. */
typedef enum {
    PC_CRITICALITY_ROUTING,  /* a call is being routed: milliseconds count */
    PC_CRITICALITY_AGENT,    /* a person looks at a screen */
    PC_CRITICALITY_BATCH,    /* nobody waits */
    PC_CRITICALITY_PREFETCH, /* perhaps nobody will ask */
    PC_CRITICALITY_COUNT
} pc_criticality;

#endif
