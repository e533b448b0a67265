// Makes the benchmark's answer. The definition is written by tests/bench/suite/fill.py from what
// profile-contextd answers.
#ifndef PC_BENCH_FILL_CONTEXT_H
#define PC_BENCH_FILL_CONTEXT_H

#include "profilecontext/v1/profile_context.pb.h"

void fill_context(profilecontext::v1::GetContextResponse *answer);

#endif
