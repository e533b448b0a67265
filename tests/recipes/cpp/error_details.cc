// Reads the details of an error (google.rpc.Status). Usage: error_details TARGET
#include <chrono>
#include <iostream>

#include <grpcpp/grpcpp.h>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "profilecontext/v1/profile_context.grpc.pb.h"

namespace v1 = profilecontext::v1;

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: error_details TARGET\n";
    return 2;
  }
  auto stub = v1::ProfileContext::NewStub(
      grpc::CreateChannel(argv[1], grpc::InsecureChannelCredentials()));
  // Wrong on purpose: there is no identity without a namespace.
  v1::GetContextRequest request;
  request.mutable_identity();
  grpc::ClientContext call;
  call.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(1));
  v1::GetContextResponse response;
  grpc::Status status = stub->GetContext(&call, request, &response);

  // The code is for general rules, the reason for special ones; the message is for people.
  std::cout << "code: " << status.error_code() << '\n';
  google::rpc::Status whole;
  whole.ParseFromString(status.error_details());
  for (const google::protobuf::Any& detail : whole.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest bad;
    google::rpc::RetryInfo retry;
    google::rpc::RequestInfo asked;
    if (detail.UnpackTo(&info)) {
      std::cout << "reason: " << info.reason() << "\ndomain: " << info.domain() << '\n';
    } else if (detail.UnpackTo(&bad)) {
      for (const auto& violation : bad.field_violations()) {
        std::cout << "field: " << violation.field() << ": " << violation.description() << '\n';
      }
    } else if (detail.UnpackTo(&retry)) {
      std::cout << "retry after: " << retry.retry_delay().seconds() << " s\n";
    } else if (detail.UnpackTo(&asked)) {
      std::cout << "request id: " << asked.request_id() << '\n';
    }
  }
}
