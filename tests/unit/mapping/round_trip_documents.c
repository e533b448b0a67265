/* Proves on any JSON documents that nothing of them is lost: usage in HELP. */
#include <stdio.h>
#include <string.h>

#include "documents.h"
#include "round_trip.h"

static const char help[] =
    "Usage: round_trip_documents FOLDER...\n"
    "\n"
    "Maps every JSON object in the files *.json below the folders as a profile and as an event,\n"
    "turns the messages back to JSON, and compares the values. Prints the documents that differ.\n"
    "\n"
    "Exit status: 0 all came back, 1 some did not or could not be read, 2 wrong usage.\n";

static bool visit(void *context, const char *path, const char *json, size_t size)
{
    (void)context;
    bool good = profile_returns(json, size);
    good = event_returns(json, size) && good;
    if (!good) {
        printf("in %s\n", path);
    }
    return good;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argv[1][0] == '-') {
        bool asked = argc == 2 && strcmp(argv[1], "--help") == 0;
        fputs(help, asked ? stdout : stderr);
        return asked ? 0 : 2;
    }
    int total = 0;
    bool good = true;
    for (int i = 1; i < argc; i++) {
        int count = documents_each(argv[i], visit, NULL);
        if (count == 0) {
            printf("%s: no JSON documents\n", argv[i]);
        }
        good = good && count > 0;
        total += count > 0 ? count : 0;
    }
    if (good) {
        printf("%d documents came back as they were\n", total);
    }
    return good ? 0 : 1;
}
