// A C++ callback server that reads no message and answers every GetContext with the bytes of a
// file: what libgrpc++ itself costs.
// Usage: cpp_raw PORT ANSWER_FILE. Serves until killed.
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include <grpcpp/grpcpp.h>

#include "profilecontext/v1/profile_context.grpc.pb.h"
#include "serve.h"

using profilecontext::v1::ProfileContext;

namespace
{

using RawService = ProfileContext::WithRawCallbackMethod_GetContext<ProfileContext::Service>;

class FixedAnswer final : public RawService
{
  public:
    explicit FixedAnswer(const grpc::ByteBuffer &answer) : answer_(answer)
    {
    }

    grpc::ServerUnaryReactor *GetContext(grpc::CallbackServerContext *context,
                                         const grpc::ByteBuffer *,
                                         grpc::ByteBuffer *answer) override
    {
        *answer = answer_;
        grpc::ServerUnaryReactor *reactor = context->DefaultReactor();
        reactor->Finish(grpc::Status::OK);
        return reactor;
    }

  private:
    const grpc::ByteBuffer answer_;
};

} // namespace

int main(int argc, char **argv)
{
    if (argc != 3) {
        std::cerr << "usage: cpp_raw PORT ANSWER_FILE\n";
        return 2;
    }
    std::ifstream file(argv[2], std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    if (bytes.empty()) {
        std::cerr << "cpp_raw: cannot read " << argv[2] << "\n";
        return 1;
    }
    const grpc::Slice slice(bytes);
    FixedAnswer service(grpc::ByteBuffer(&slice, 1));
    return serve("cpp_raw", argv[1], &service);
}
