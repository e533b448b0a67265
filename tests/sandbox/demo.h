/* The NDJSON files of demo/, put into the program when it is built. */
#ifndef SBX_DEMO_H
#define SBX_DEMO_H

#include <stddef.h>

struct sbx_demo_file {
    const char *name;
    const unsigned char *bytes;
    size_t length;
};

extern const struct sbx_demo_file sbx_demo_files[];
extern const size_t sbx_demo_file_count;

#endif
