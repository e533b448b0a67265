// Tries again what failed in passing, by gRPC's own retries.
// Usage: retries TARGET NAMESPACE ID
#include <chrono>
#include <iostream>

#include <grpcpp/grpcpp.h>

#include "profilecontext/v1/profile_context.grpc.pb.h"

namespace v1 = profilecontext::v1;

// The tries share one deadline; only calls that change nothing belong here.
constexpr char kServiceConfig[] = R"({"methodConfig": [{
  "name": [{"service": "profilecontext.v1.ProfileContext"}],
  "retryPolicy": {
    "maxAttempts": 4,
    "initialBackoff": "0.2s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"]
  }
}]})";

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: retries TARGET NAMESPACE ID\n";
    return 2;
  }
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(kServiceConfig);
  auto stub = v1::ProfileContext::NewStub(
      grpc::CreateCustomChannel(argv[1], grpc::InsecureChannelCredentials(), arguments));
  v1::GetProfileRequest request;
  request.mutable_identity()->set_namespace_(argv[2]);
  request.mutable_identity()->set_id(argv[3]);

  grpc::ClientContext call;
  call.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  v1::GetProfileResponse response;
  grpc::Status status = stub->GetProfile(&call, request, &response);
  if (!status.ok()) {
    std::cerr << status.error_message() << '\n';
    return 1;
  }
  std::cout << "first name: " << response.profile().person().name().first_name() << '\n';
}
