/* Each library is asked by the part that owns it. */
#include "versions.h"

#include <openssl/crypto.h>
#include <protobuf-c/protobuf-c.h>
#include <yaml.h>

#include "rpc/core_weaknesses.h"
#include "rpc/server.h"
#include "upstream/version.h"

void pc_print_versions(FILE *out)
{
    fprintf(out, "profile-contextd %s\n", PC_VERSION);
    fprintf(out, "gRPC core %s\n", pc_rpc_core_version());
    const char *lacks[PC_CORE_WEAKNESSES_MAX];
    size_t count = pc_core_weaknesses(lacks, pc_rpc_core_version());
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "  lacks the fix of %s, unless the distribution has added it\n", lacks[i]);
    }
    fprintf(out, "protobuf-c %s\n", protobuf_c_version());
    fprintf(out, "%s\n", pc_upstream_version());
    fprintf(out, "%s\n", OpenSSL_version(OPENSSL_VERSION));
    fprintf(out, "libyaml %s\n", yaml_get_version_string());
}
