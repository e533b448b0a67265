/* The versions of the libraries that only this folder uses. Threads: any. */
#ifndef PC_UPSTREAM_VERSION_H
#define PC_UPSTREAM_VERSION_H

/* "libcurl/7.88.1 OpenSSL/3.0.x ...", then "jansson 2.14" on a line of its own. Static. */
const char *pc_upstream_version(void);

#endif
