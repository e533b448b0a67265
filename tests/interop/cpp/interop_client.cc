// The interop cases through gRPC for C++. Usage: interop_client HOST:PORT [CA CERTIFICATE KEY]
//
// Prints a line for each case: its name, a tab, and "ok", "skip" or "FAIL" with another tab and why.
#include <chrono>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "grpc/testing/test.grpc.pb.h"

namespace {

using grpc::ByteBuffer;
using grpc::ClientContext;
using grpc::Status;
using grpc::StatusCode;
using grpc::testing::SimpleRequest;
using grpc::testing::SimpleResponse;
using grpc::testing::StreamingInputCallRequest;
using grpc::testing::StreamingInputCallResponse;
using grpc::testing::StreamingOutputCallRequest;
using grpc::testing::StreamingOutputCallResponse;

constexpr int kLargeRequest = 271828;
constexpr int kLargeResponse = 314159;
constexpr char kEchoHeader[] = "x-grpc-test-echo-initial";
constexpr char kEchoTrailer[] = "x-grpc-test-echo-trailing-bin";

void Check(bool condition, const std::string& what) {
  if (!condition) {
    throw std::runtime_error(what);
  }
}

void Same(long found, long wanted, const std::string& what) {
  Check(found == wanted,
        what + " is " + std::to_string(found) + ", wanted " + std::to_string(wanted));
}

void EndsWith(const Status& status, StatusCode code) {
  Check(status.error_code() == code, "ended with " + std::to_string(status.error_code()) + " (" +
                                         status.error_message() + "), wanted " +
                                         std::to_string(code));
}

void EndsWell(const Status& status) { EndsWith(status, StatusCode::OK); }

void SetDeadline(ClientContext* context, std::chrono::milliseconds after) {
  context->set_deadline(std::chrono::system_clock::now() + after);
}

// A context that no case outlives.
struct Bounded : ClientContext {
  Bounded() { SetDeadline(this, std::chrono::seconds(30)); }
};

template <typename Request>
Request WithPayload(int size) {
  Request request;
  request.mutable_payload()->set_body(std::string(size, '\0'));
  return request;
}

SimpleRequest Large() {
  auto request = WithPayload<SimpleRequest>(kLargeRequest);
  request.set_response_size(kLargeResponse);
  return request;
}

void IsLarge(const SimpleResponse& response) {
  Check(response.payload().body() == std::string(kLargeResponse, '\0'),
        "the payload is not as many zeros as asked for");
}

StreamingOutputCallRequest Asking(const std::vector<int>& sizes, int payload = 0) {
  auto request = WithPayload<StreamingOutputCallRequest>(payload);
  for (int size : sizes) {
    request.add_response_parameters()->set_size(size);
  }
  return request;
}

class Cases {
 public:
  Cases(const std::string& target, std::shared_ptr<grpc::ChannelCredentials> credentials) {
    auto channel = grpc::CreateChannel(target, credentials);
    test_ = grpc::testing::TestService::NewStub(channel);
    unimplemented_ = grpc::testing::UnimplementedService::NewStub(channel);
    // Messages come through it as they were sent.
    grpc::ChannelArguments raw;
    raw.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
    raw.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    raw_ = std::make_unique<grpc::GenericStub>(
        grpc::CreateCustomChannel(target, credentials, raw));
  }

  void EmptyUnary() {
    Bounded context;
    grpc::testing::Empty empty;
    EndsWell(test_->EmptyCall(&context, empty, &empty));
  }

  void LargeUnary() { UnaryIsLarge(Large(), GRPC_COMPRESS_NONE); }

  void ClientCompressedUnary() {
    auto request = Large();
    request.mutable_expect_compressed()->set_value(true);
    Bounded context;
    SimpleResponse response;
    EndsWith(test_->UnaryCall(&context, request, &response), StatusCode::INVALID_ARGUMENT);
    UnaryIsLarge(request, GRPC_COMPRESS_GZIP);
    request.mutable_expect_compressed()->set_value(false);
    UnaryIsLarge(request, GRPC_COMPRESS_NONE);
  }

  void ServerCompressedUnary() {
    for (bool compressed : {true, false}) {
      auto request = Large();
      request.mutable_response_compressed()->set_value(compressed);
      auto seen = RawCompression("UnaryCall", request);
      Same(static_cast<long>(seen.size()), 1, "number of answers");
      Same(seen[0], compressed, "compression");
      UnaryIsLarge(request, GRPC_COMPRESS_NONE);
    }
  }

  void ClientStreaming() {
    Bounded context;
    StreamingInputCallResponse response;
    auto writer = test_->StreamingInputCall(&context, &response);
    for (int size : {27182, 8, 1828, 45904}) {
      Check(writer->Write(WithPayload<StreamingInputCallRequest>(size)), "a write fails");
    }
    writer->WritesDone();
    EndsWell(writer->Finish());
    Same(response.aggregated_payload_size(), 74922, "the sum");
  }

  void ClientCompressedStreaming() {
    auto compressed = WithPayload<StreamingInputCallRequest>(27182);
    compressed.mutable_expect_compressed()->set_value(true);
    auto plain = WithPayload<StreamingInputCallRequest>(45904);
    plain.mutable_expect_compressed()->set_value(false);
    {
      Bounded context;
      StreamingInputCallResponse response;
      auto writer = test_->StreamingInputCall(&context, &response);
      writer->Write(compressed);
      writer->WritesDone();
      EndsWith(writer->Finish(), StatusCode::INVALID_ARGUMENT);
    }
    Bounded context;
    context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
    StreamingInputCallResponse response;
    auto writer = test_->StreamingInputCall(&context, &response);
    Check(writer->Write(compressed), "a write fails");
    Check(writer->Write(plain, grpc::WriteOptions().set_no_compression()), "a write fails");
    writer->WritesDone();
    EndsWell(writer->Finish());
    Same(response.aggregated_payload_size(), 73086, "the sum");
  }

  void ServerStreaming() {
    const std::vector<int> sizes = {31415, 9, 2653, 58979};
    Bounded context;
    auto reader = test_->StreamingOutputCall(&context, Asking(sizes));
    ReadsSizes(reader.get(), sizes);
    EndsWell(reader->Finish());
  }

  void ServerCompressedStreaming() {
    auto request = Asking({31415, 92653});
    request.mutable_response_parameters(0)->mutable_compressed()->set_value(true);
    request.mutable_response_parameters(1)->mutable_compressed()->set_value(false);
    auto seen = RawCompression("StreamingOutputCall", request);
    Check(seen == std::vector<bool>{true, false}, "not the first answer alone is compressed");
    Bounded context;
    auto reader = test_->StreamingOutputCall(&context, request);
    ReadsSizes(reader.get(), {31415, 92653});
    EndsWell(reader->Finish());
  }

  void PingPong() {
    Bounded context;
    auto stream = test_->FullDuplexCall(&context);
    const std::vector<std::pair<int, int>> turns = {
        {27182, 31415}, {8, 9}, {1828, 2653}, {45904, 58979}};
    for (auto [size, wanted] : turns) {
      Check(stream->Write(Asking({wanted}, size)), "a write fails");
      StreamingOutputCallResponse response;
      Check(stream->Read(&response), "no answer");
      Same(static_cast<long>(response.payload().body().size()), wanted, "size");
    }
    stream->WritesDone();
    ReadsSizes(stream.get(), {});
    EndsWell(stream->Finish());
  }

  void EmptyStream() {
    Bounded context;
    auto stream = test_->FullDuplexCall(&context);
    stream->WritesDone();
    ReadsSizes(stream.get(), {});
    EndsWell(stream->Finish());
  }

  void CustomMetadata() {
    {
      Bounded context;
      AddMetadata(&context);
      SimpleResponse response;
      EndsWell(test_->UnaryCall(&context, Large(), &response));
      IsLarge(response);
      HasMetadata(context);
    }
    Bounded context;
    AddMetadata(&context);
    auto stream = test_->FullDuplexCall(&context);
    Check(stream->Write(Asking({kLargeResponse}, kLargeRequest)), "the write fails");
    stream->WritesDone();
    ReadsSizes(stream.get(), {kLargeResponse});
    EndsWell(stream->Finish());
    HasMetadata(context);
  }

  void StatusCodeAndMessage() {
    UnaryFailsSaying("test status message");
    StreamingOutputCallRequest request;
    request.mutable_response_status()->set_code(StatusCode::UNKNOWN);
    request.mutable_response_status()->set_message("test status message");
    Bounded context;
    auto stream = test_->FullDuplexCall(&context);
    Check(stream->Write(request), "the write fails");
    stream->WritesDone();
    ReadsSizes(stream.get(), {});
    Status status = stream->Finish();
    EndsWith(status, StatusCode::UNKNOWN);
    Check(status.error_message() == "test status message", "the message of a stream is another");
  }

  void SpecialStatusMessage() {
    UnaryFailsSaying(
        "\t\ntest with whitespace\r\nand Unicode BMP \xe2\x98\xba and non-BMP "
        "\xf0\x9f\x98\x88\t\n");
  }

  void UnimplementedMethod() {
    Bounded context;
    grpc::testing::Empty empty;
    EndsWith(test_->UnimplementedCall(&context, empty, &empty), StatusCode::UNIMPLEMENTED);
  }

  void UnimplementedService() {
    Bounded context;
    grpc::testing::Empty empty;
    EndsWith(unimplemented_->UnimplementedCall(&context, empty, &empty),
             StatusCode::UNIMPLEMENTED);
  }

  void CancelAfterBegin() {
    Bounded context;
    StreamingInputCallResponse response;
    auto writer = test_->StreamingInputCall(&context, &response);
    context.TryCancel();
    EndsWith(writer->Finish(), StatusCode::CANCELLED);
  }

  void CancelAfterFirstResponse() {
    Bounded context;
    auto stream = test_->FullDuplexCall(&context);
    Check(stream->Write(Asking({31415}, 27182)), "the write fails");
    StreamingOutputCallResponse response;
    Check(stream->Read(&response), "no answer");
    context.TryCancel();
    EndsWith(stream->Finish(), StatusCode::CANCELLED);
  }

  void TimeoutOnSleepingServer() {
    {
      ClientContext context;
      SetDeadline(&context, std::chrono::milliseconds(1));
      auto stream = test_->FullDuplexCall(&context);
      stream->Write(Asking({}, 27182));
      EndsWith(stream->Finish(), StatusCode::DEADLINE_EXCEEDED);
    }
    ClientContext context;
    SetDeadline(&context, std::chrono::milliseconds(50));
    auto request = Asking({1});
    request.mutable_response_parameters(0)->set_interval_us(30000000);
    auto reader = test_->StreamingOutputCall(&context, request);
    ReadsSizes(reader.get(), {});
    EndsWith(reader->Finish(), StatusCode::DEADLINE_EXCEEDED);
  }

  void ConcurrentLargeUnary() {
    struct Call {
      ClientContext context;
      SimpleResponse response;
      Status status;
      std::unique_ptr<grpc::ClientAsyncResponseReader<SimpleResponse>> reader;
    };
    std::vector<Call> calls(1000);
    grpc::CompletionQueue queue;
    const auto request = Large();
    for (Call& call : calls) {
      SetDeadline(&call.context, std::chrono::minutes(2));
      call.reader = test_->AsyncUnaryCall(&call.context, request, &queue);
      call.reader->Finish(&call.response, &call.status, &call);
    }
    for (size_t i = 0; i < calls.size(); i++) {
      void* tag = nullptr;
      bool ok = false;
      Check(queue.Next(&tag, &ok) && ok, "a call does not end");
    }
    queue.Shutdown();
    for (const Call& call : calls) {
      EndsWell(call.status);
      IsLarge(call.response);
    }
  }

 private:
  void UnaryIsLarge(const SimpleRequest& request, grpc_compression_algorithm algorithm) {
    Bounded context;
    context.set_compression_algorithm(algorithm);
    SimpleResponse response;
    EndsWell(test_->UnaryCall(&context, request, &response));
    IsLarge(response);
  }

  void UnaryFailsSaying(const std::string& text) {
    SimpleRequest request;
    request.mutable_response_status()->set_code(StatusCode::UNKNOWN);
    request.mutable_response_status()->set_message(text);
    Bounded context;
    SimpleResponse response;
    Status status = test_->UnaryCall(&context, request, &response);
    EndsWith(status, StatusCode::UNKNOWN);
    Check(status.error_message() == text, "the message is another");
  }

  template <typename Reader>
  static void ReadsSizes(Reader* reader, const std::vector<int>& sizes) {
    StreamingOutputCallResponse response;
    for (int size : sizes) {
      Check(reader->Read(&response), "too few answers");
      Same(static_cast<long>(response.payload().body().size()), size, "size");
    }
    Check(!reader->Read(&response), "too many answers");
  }

  static void AddMetadata(ClientContext* context) {
    context->AddMetadata(kEchoHeader, "test_initial_metadata_value");
    context->AddMetadata(kEchoTrailer, "\xab\xab\xab");
  }

  static void HasMetadata(const ClientContext& context) {
    auto header = context.GetServerInitialMetadata().find(kEchoHeader);
    Check(header != context.GetServerInitialMetadata().end() &&
              header->second == "test_initial_metadata_value",
          "the header does not come back");
    auto trailer = context.GetServerTrailingMetadata().find(kEchoTrailer);
    Check(trailer != context.GetServerTrailingMetadata().end() && trailer->second == "\xab\xab\xab",
          "the trailer does not come back");
  }

  // Which answers of a call come compressed: neither of a gzip's nor of a zlib's first bytes begins
  // one of these messages.
  std::vector<bool> RawCompression(const std::string& method,
                                   const google::protobuf::Message& request) {
    Bounded context;
    grpc::CompletionQueue queue;
    auto wait = [&queue] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    auto call = raw_->PrepareCall(&context, "/grpc.testing.TestService/" + method, &queue);
    call->StartCall(nullptr);
    wait();
    grpc::Slice bytes(request.SerializeAsString());
    call->WriteLast(ByteBuffer(&bytes, 1), grpc::WriteOptions(), nullptr);
    wait();
    std::vector<bool> seen;
    for (;;) {
      ByteBuffer message;
      call->Read(&message, nullptr);
      if (!wait()) {
        break;
      }
      std::vector<grpc::Slice> slices;
      EndsWell(message.Dump(&slices));
      Check(!slices.empty() && slices[0].size() > 0, "an empty answer");
      uint8_t first = *slices[0].begin();
      seen.push_back(first == 0x1f || first == 0x78);
    }
    Status status;
    call->Finish(&status, nullptr);
    wait();
    EndsWell(status);
    return seen;
  }

  std::unique_ptr<grpc::testing::TestService::Stub> test_;
  std::unique_ptr<grpc::testing::UnimplementedService::Stub> unimplemented_;
  std::unique_ptr<grpc::GenericStub> raw_;
};

std::string ReadFile(const char* path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

int main(int argc, char** argv) {
  auto credentials = grpc::InsecureChannelCredentials();
  if (argc == 5) {
    credentials = grpc::SslCredentials({ReadFile(argv[2]), ReadFile(argv[4]), ReadFile(argv[3])});
  }
  Cases cases(argv[1], credentials);
  const std::vector<std::pair<const char*, void (Cases::*)()>> all = {
      {"empty_unary", &Cases::EmptyUnary},
      {"large_unary", &Cases::LargeUnary},
      {"client_compressed_unary", &Cases::ClientCompressedUnary},
      {"server_compressed_unary", &Cases::ServerCompressedUnary},
      {"client_streaming", &Cases::ClientStreaming},
      {"client_compressed_streaming", &Cases::ClientCompressedStreaming},
      {"server_streaming", &Cases::ServerStreaming},
      {"server_compressed_streaming", &Cases::ServerCompressedStreaming},
      {"ping_pong", &Cases::PingPong},
      {"empty_stream", &Cases::EmptyStream},
      {"custom_metadata", &Cases::CustomMetadata},
      {"status_code_and_message", &Cases::StatusCodeAndMessage},
      {"special_status_message", &Cases::SpecialStatusMessage},
      {"unimplemented_method", &Cases::UnimplementedMethod},
      {"unimplemented_service", &Cases::UnimplementedService},
      {"cancel_after_begin", &Cases::CancelAfterBegin},
      {"cancel_after_first_response", &Cases::CancelAfterFirstResponse},
      {"timeout_on_sleeping_server", &Cases::TimeoutOnSleepingServer},
      {"concurrent_large_unary", &Cases::ConcurrentLargeUnary},
  };
  for (auto [name, run] : all) {
    std::string result = "ok";
    try {
      (cases.*run)();
    } catch (const std::exception& failure) {
      result = std::string("FAIL\t") + failure.what();
    }
    std::cout << name << '\t' << result << std::endl;
  }
}
