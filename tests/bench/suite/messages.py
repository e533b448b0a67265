"""The service's messages, from the descriptors of the build, and single calls."""

import contextlib
import os
import struct
import tempfile

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICE = "/profilecontext.v1.ProfileContext/"


class Messages:
    def __init__(self, build):
        files = descriptor_pb2.FileDescriptorSet()
        with open(os.path.join(build, "generated", "descriptors.pb"), "rb") as file:
            files.ParseFromString(file.read())
        self._pool = descriptor_pool.DescriptorPool()
        for file in files.file:
            self._pool.Add(file)
        self._factory = message_factory.MessageFactory(self._pool)

    def make(self, name, **fields):
        descriptor = self._pool.FindMessageTypeByName(f"profilecontext.v1.{name}")
        return self._factory.GetPrototype(descriptor)(**fields)

    def context_request(self, namespace, value, paths=(), **fields):
        if paths:
            fields["read_mask"] = {"paths": list(paths)}
        return self.make("GetContextRequest", identity={"namespace": namespace, "id": value},
                         **fields)


def call(address, method, request, timeout=10):
    """The answer's bytes."""
    with grpc.insecure_channel(address) as channel:
        stub = channel.unary_unary(SERVICE + method, lambda m: m.SerializeToString(), lambda b: b)
        return stub(request, timeout=timeout)


@contextlib.contextmanager
def framed_file(request):
    """A file with the request in gRPC's framing, for loads that send bytes."""
    data = request.SerializeToString()
    with tempfile.NamedTemporaryFile(suffix=".grpc") as file:
        file.write(b"\0" + struct.pack(">I", len(data)) + data)
        file.flush()
        yield file.name
