// Shows the server a certificate, and believes only one that this CA has signed.
// Usage: mtls TARGET CA CERTIFICATE KEY NAMESPACE ID
#include <chrono>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include <grpcpp/grpcpp.h>

#include "profilecontext/v1/profile_context.grpc.pb.h"

namespace v1 = profilecontext::v1;

std::string ReadFile(const char* path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

int main(int argc, char** argv) {
  if (argc != 7) {
    std::cerr << "usage: mtls TARGET CA CERTIFICATE KEY NAMESPACE ID\n";
    return 2;
  }
  grpc::SslCredentialsOptions files;
  files.pem_root_certs = ReadFile(argv[2]);
  files.pem_cert_chain = ReadFile(argv[3]);
  files.pem_private_key = ReadFile(argv[4]);
  auto stub =
      v1::ProfileContext::NewStub(grpc::CreateChannel(argv[1], grpc::SslCredentials(files)));
  v1::GetProfileRequest request;
  request.mutable_identity()->set_namespace_(argv[5]);
  request.mutable_identity()->set_id(argv[6]);

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
