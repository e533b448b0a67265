// Asks for the context of one customer, with a deadline. Usage: get_context TARGET NAMESPACE ID
#include <chrono>
#include <iostream>

#include <grpcpp/grpcpp.h>

#include "profilecontext/v1/profile_context.grpc.pb.h"

namespace v1 = profilecontext::v1;

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: get_context TARGET NAMESPACE ID\n";
    return 2;
  }
  auto stub = v1::ProfileContext::NewStub(
      grpc::CreateChannel(argv[1], grpc::InsecureChannelCredentials()));
  v1::GetContextRequest request;
  request.mutable_identity()->set_namespace_(argv[2]);
  request.mutable_identity()->set_id(argv[3]);
  request.set_event_limit(20);

  // The server answers before the deadline with what it has by then.
  grpc::ClientContext call;
  call.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(1));
  v1::GetContextResponse response;
  grpc::Status status = stub->GetContext(&call, request, &response);
  if (!status.ok()) {
    std::cerr << status.error_message() << '\n';
    return 1;
  }
  for (const v1::SectionInfo& info : response.context().sections()) {
    if (info.status() != v1::SECTION_STATUS_OK) {
      std::cout << v1::Section_Name(info.section())
                << " is incomplete: " << v1::SectionStatus_Name(info.status()) << '\n';
    }
  }
  std::cout << "first name: " << response.context().profile().person().name().first_name() << '\n'
            << response.context().events_size() << " events\n";
}
