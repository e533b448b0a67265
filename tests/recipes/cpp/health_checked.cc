// Sends calls only where the server says that it can serve them.
// Usage: health_checked TARGET NAMESPACE ID
#include <chrono>
#include <iostream>

#include <grpcpp/grpcpp.h>

#include "profilecontext/v1/profile_context.grpc.pb.h"

namespace v1 = profilecontext::v1;

// The channel watches the health of each address behind the target, and takes a healthy one.
constexpr char kServiceConfig[] = R"({
  "loadBalancingConfig": [{"round_robin": {}}],
  "healthCheckConfig": {"serviceName": "profilecontext.v1.ProfileContext"}
})";

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: health_checked TARGET NAMESPACE ID\n";
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
  // Without this the call fails at once while there is no healthy one.
  call.set_wait_for_ready(true);
  v1::GetProfileResponse response;
  grpc::Status status = stub->GetProfile(&call, request, &response);
  if (!status.ok()) {
    std::cerr << status.error_message() << '\n';
    return 1;
  }
  std::cout << "first name: " << response.profile().person().name().first_name() << '\n';
}
