/* libcurl lists what it stands on; jansson adds itself. */
#include "upstream/version.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>

const char *pc_upstream_version(void)
{
    static char text[512];
    (void)snprintf(text, sizeof text, "%s\njansson %s", curl_version(), jansson_version_str());
    return text;
}
