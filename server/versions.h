/* What --version says: ours, and those of the libraries that are loaded. */
#ifndef PC_VERSIONS_H
#define PC_VERSIONS_H

#include <stdio.h>

void pc_print_versions(FILE *out);

#endif
