"""A ProfileContext that is not healthy until it is told to be, to see who calls it all the same."""

import concurrent.futures
import threading

import grpc

import harness
from harness import messages

SERVICE = "profilecontext.v1.ProfileContext"


class Unhealthy:
    def __init__(self):
        self.calls = 0
        self.watchers = 0
        self.is_healthy = threading.Event()
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
        self.server.add_generic_rpc_handlers((
            grpc.method_handlers_generic_handler("grpc.health.v1.Health", {
                "Watch": grpc.unary_stream_rpc_method_handler(self.watch),
            }),
            grpc.method_handlers_generic_handler(SERVICE, {
                "GetProfile": grpc.unary_unary_rpc_method_handler(
                    self.get_profile, *self.codec("GetProfile")),
            }),
        ))
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    @staticmethod
    def codec(method):
        request, response = harness.METHODS[method]
        return request.FromString, response.SerializeToString

    def watch(self, request, context):
        # The service's name is field 1 of the request, the status field 1 of the answers.
        if request != b"\x0a" + bytes([len(SERVICE)]) + SERVICE.encode():
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"another service: {request!r}")
        not_serving, serving = b"\x08\x02", b"\x08\x01"
        yield not_serving
        self.watchers += 1
        while not self.is_healthy.wait(0.05):
            if not context.is_active():
                return
        yield serving

    def get_profile(self, request, context):
        self.calls += 1
        return messages.GetProfileResponse(profile={"person": {"name": {"first_name": "Ada"}}})

    def close(self):
        self.is_healthy.set()
        self.server.stop(0).wait()
