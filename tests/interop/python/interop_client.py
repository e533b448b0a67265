"""The interop cases through grpcio. Usage: interop_client.py HOST:PORT [CA CERTIFICATE KEY]

Prints a line for each case: its name, a tab, and "ok", "skip" or "FAIL" with another tab and why.
Environment: PC_TESTING_DESCRIPTORS is the descriptor set of grpc.testing. Stubs of it would hide
behind grpcio's own package of that name."""

import os
import sys
import threading
import types
import zlib

import grpc
from google.protobuf import descriptor_pb2, message_factory

with open(os.environ["PC_TESTING_DESCRIPTORS"], "rb") as descriptors:
    FILES = descriptor_pb2.FileDescriptorSet.FromString(descriptors.read()).file
pb = types.SimpleNamespace(**{
    name.split(".")[-1]: message for name, message in message_factory.GetMessages(FILES).items()})

SERVICE = "/grpc.testing.TestService/"
SECONDS = 30
GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class Skip(Exception):
    pass


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def same(found, wanted, what):
    check(found == wanted, f"{what} is {found!r}, wanted {wanted!r}")


def fails(code, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except grpc.RpcError as error:
        same(error.code(), code, "code")
        return error
    raise AssertionError(f"went well, wanted {code}")


def payload(size):
    return pb.Payload(body=bytes(size))


class Compressed:
    """Reads messages as they came, where core does not undo the compression, and says how."""

    def __init__(self, message):
        self.message = message
        self.were_compressed = []

    def __call__(self, data):
        # Neither of a gzip's nor of a zlib's first bytes begins one of these messages.
        compressed = data[:1] in (b"\x1f", b"\x78")
        self.were_compressed.append(compressed)
        return self.message.FromString(zlib.decompress(data, GZIP_OR_ZLIB) if compressed else data)


class Cases:
    def __init__(self, target, files):
        def channel(*options):
            if not files:
                return grpc.insecure_channel(target, options)
            ca, certificate, key = (open(path, "rb").read() for path in files)
            return grpc.secure_channel(
                target, grpc.ssl_channel_credentials(ca, key, certificate), options)

        self.channel = channel()
        self.raw_channel = channel(("grpc.per_message_decompression", 0),
                                   ("grpc.use_local_subchannel_pool", 1))

    def unary(self, method="UnaryCall", response=pb.SimpleResponse.FromString, channel=None):
        return (channel or self.channel).unary_unary(
            SERVICE + method, lambda message: message.SerializeToString(), response)

    def output(self, response=pb.StreamingOutputCallResponse.FromString, channel=None):
        return (channel or self.channel).unary_stream(
            SERVICE + "StreamingOutputCall",
            pb.StreamingOutputCallRequest.SerializeToString, response)

    def input(self):
        return self.channel.stream_unary(
            SERVICE + "StreamingInputCall",
            pb.StreamingInputCallRequest.SerializeToString,
            pb.StreamingInputCallResponse.FromString)

    def duplex(self):
        return self.channel.stream_stream(
            SERVICE + "FullDuplexCall",
            pb.StreamingOutputCallRequest.SerializeToString,
            pb.StreamingOutputCallResponse.FromString)

    def empty_unary(self):
        answer = self.unary("EmptyCall", lambda data: data)(pb.SimpleRequest(), timeout=SECONDS)
        same(answer, b"", "the answer")

    def large_unary(self):
        answer = self.unary()(pb.SimpleRequest(response_size=314159, payload=payload(271828)),
                              timeout=SECONDS)
        same(answer.payload.body, bytes(314159), "the payload")

    def client_compressed_unary(self):
        request = pb.SimpleRequest(response_size=314159, payload=payload(271828))
        request.expect_compressed.value = True
        fails(grpc.StatusCode.INVALID_ARGUMENT, self.unary(), request, timeout=SECONDS)
        for compressed in [True, False]:
            request.expect_compressed.value = compressed
            answer = self.unary()(
                request, timeout=SECONDS,
                compression=grpc.Compression.Gzip if compressed else None)
            same(len(answer.payload.body), 314159, "the payload's size")

    def server_compressed_unary(self):
        for compressed in [True, False]:
            request = pb.SimpleRequest(response_size=314159, payload=payload(271828))
            request.response_compressed.value = compressed
            reader = Compressed(pb.SimpleResponse)
            answer = self.unary(response=reader, channel=self.raw_channel)(request, timeout=SECONDS)
            same(len(answer.payload.body), 314159, "the payload's size")
            same(reader.were_compressed, [compressed], "compression")

    def client_streaming(self):
        answer = self.input()(
            (pb.StreamingInputCallRequest(payload=payload(n)) for n in [27182, 8, 1828, 45904]),
            timeout=SECONDS)
        same(answer.aggregated_payload_size, 74922, "the sum")

    def client_compressed_streaming(self):
        raise Skip("grpcio compresses all messages of a call or none")

    def server_streaming(self):
        sizes = [31415, 9, 2653, 58979]
        request = pb.StreamingOutputCallRequest(
            response_parameters=[pb.ResponseParameters(size=n) for n in sizes])
        same([len(a.payload.body) for a in self.output()(request, timeout=SECONDS)], sizes, "sizes")

    def server_compressed_streaming(self):
        request = pb.StreamingOutputCallRequest(response_parameters=[
            pb.ResponseParameters(size=31415, compressed={"value": True}),
            pb.ResponseParameters(size=92653, compressed={"value": False})])
        reader = Compressed(pb.StreamingOutputCallResponse)
        answers = list(self.output(reader, self.raw_channel)(request, timeout=SECONDS))
        same([len(a.payload.body) for a in answers], [31415, 92653], "sizes")
        same(reader.were_compressed, [True, False], "compression")

    def ping_pong(self):
        pairs = [(27182, 31415), (8, 9), (1828, 2653), (45904, 58979)]
        turns = iter(pairs)
        seen = []
        answered = threading.Semaphore(0)

        def requests():
            # The next request is asked for when its predecessor has left, not when it is answered.
            for size, wanted in turns:
                yield pb.StreamingOutputCallRequest(
                    response_parameters=[{"size": wanted}], payload=payload(size))
                check(answered.acquire(timeout=SECONDS), "no answer in time")

        for answer in self.duplex()(requests(), timeout=SECONDS):
            seen.append(len(answer.payload.body))
            answered.release()
        same(seen, [wanted for _, wanted in pairs], "sizes")

    def empty_stream(self):
        same(list(self.duplex()(iter([]), timeout=SECONDS)), [], "answers")

    def custom_metadata(self):
        header = ("x-grpc-test-echo-initial", "test_initial_metadata_value")
        trailer = ("x-grpc-test-echo-trailing-bin", b"\xab\xab\xab")
        request = pb.SimpleRequest(response_size=314159, payload=payload(271828))
        _, call = self.unary().with_call(request, timeout=SECONDS, metadata=[header, trailer])
        check(header in call.initial_metadata(), "no echo of the header")
        check(trailer in call.trailing_metadata(), "no echo of the trailer")
        request = pb.StreamingOutputCallRequest(
            response_parameters=[{"size": 314159}], payload=payload(271828))
        call = self.duplex()(iter([request]), timeout=SECONDS, metadata=[header, trailer])
        same(len(list(call)), 1, "answers")
        check(header in call.initial_metadata(), "no echo of the header of a stream")
        check(trailer in call.trailing_metadata(), "no echo of the trailer of a stream")

    def status_code_and_message(self):
        status = pb.EchoStatus(code=2, message="test status message")
        error = fails(grpc.StatusCode.UNKNOWN, self.unary(),
                      pb.SimpleRequest(response_status=status), timeout=SECONDS)
        same(error.details(), status.message, "message")
        request = pb.StreamingOutputCallRequest(response_status=status)
        error = fails(grpc.StatusCode.UNKNOWN,
                      lambda: list(self.duplex()(iter([request]), timeout=SECONDS)))
        same(error.details(), status.message, "message of a stream")

    def special_status_message(self):
        text = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
        error = fails(grpc.StatusCode.UNKNOWN, self.unary(),
                      pb.SimpleRequest(response_status={"code": 2, "message": text}),
                      timeout=SECONDS)
        same(error.details(), text, "message")

    def unimplemented_method(self):
        fails(grpc.StatusCode.UNIMPLEMENTED, self.unary("UnimplementedCall"), pb.SimpleRequest(),
              timeout=SECONDS)

    def unimplemented_service(self):
        call = self.channel.unary_unary("/grpc.testing.UnimplementedService/UnimplementedCall")
        fails(grpc.StatusCode.UNIMPLEMENTED, call, b"", timeout=SECONDS)

    def cancel_after_begin(self):
        end = threading.Event()

        def nothing():
            end.wait(SECONDS)
            return
            yield

        call = self.input().future(nothing(), timeout=SECONDS)
        call.cancel()
        end.set()
        same(call.code(), grpc.StatusCode.CANCELLED, "code")

    def cancel_after_first_response(self):
        end = threading.Event()

        def one():
            yield pb.StreamingOutputCallRequest(
                response_parameters=[{"size": 31415}], payload=payload(27182))
            end.wait(SECONDS)

        call = self.duplex()(one(), timeout=SECONDS)
        same(len(next(call).payload.body), 31415, "size")
        call.cancel()
        end.set()
        fails(grpc.StatusCode.CANCELLED, lambda: next(call))

    def timeout_on_sleeping_server(self):
        end = threading.Event()

        def one():
            yield pb.StreamingOutputCallRequest(payload=payload(27182))
            end.wait(SECONDS)

        fails(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: list(self.duplex()(one(), timeout=0.001)))
        end.set()
        request = pb.StreamingOutputCallRequest(
            response_parameters=[{"size": 1, "interval_us": SECONDS * 1000000}])
        fails(grpc.StatusCode.DEADLINE_EXCEEDED,
              lambda: list(self.output()(request, timeout=0.05)))

    def concurrent_large_unary(self):
        request = pb.SimpleRequest(response_size=314159, payload=payload(271828))
        calls = [self.unary().future(request, timeout=120) for _ in range(1000)]
        for call in calls:
            same(len(call.result().payload.body), 314159, "the payload's size")


def main():
    cases = Cases(sys.argv[1], sys.argv[2:])
    for name in [name for name in vars(Cases) if name[0] != "_"]:
        if name in ("unary", "output", "input", "duplex"):
            continue
        try:
            getattr(cases, name)()
            print(f"{name}\tok")
        except Skip as reason:
            print(f"{name}\tskip\t{reason}")
        except Exception as failure:  # noqa: B902  (whatever it is, the other cases go on)
            print(f"{name}\tFAIL\t{failure!r}".replace("\n", " "))
        sys.stdout.flush()


main()
