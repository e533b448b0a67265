// A C++ callback server that reads the request and makes the answer message anew for every
// GetContext, field by field, as an application on libgrpc++ would.
// Usage: cpp_typed PORT. Serves until killed.
#include <iostream>

#include <grpcpp/grpcpp.h>

#include "fill_context.h"
#include "profilecontext/v1/profile_context.grpc.pb.h"
#include "serve.h"

using profilecontext::v1::GetContextRequest;
using profilecontext::v1::GetContextResponse;
using profilecontext::v1::ProfileContext;

namespace
{

class TypedAnswer final : public ProfileContext::CallbackService
{
    grpc::ServerUnaryReactor *GetContext(grpc::CallbackServerContext *context,
                                         const GetContextRequest *request,
                                         GetContextResponse *answer) override
    {
        grpc::ServerUnaryReactor *reactor = context->DefaultReactor();
        if (!request->has_identity()) {
            reactor->Finish({grpc::StatusCode::INVALID_ARGUMENT, "identity is missing"});
            return reactor;
        }
        fill_context(answer);
        reactor->Finish(grpc::Status::OK);
        return reactor;
    }
};

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2) {
        std::cerr << "usage: cpp_typed PORT\n";
        return 2;
    }
    TypedAnswer service;
    return serve("cpp_typed", argv[1], &service);
}
