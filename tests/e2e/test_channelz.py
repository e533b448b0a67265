"""grpc.channelz, where the operator wants it, and the health of what the server depends on."""

import os
import unittest

from harness import Sandbox, Server, grpc, identity, messages, wait_until

# The stubs of grpc's own services stand beside Python's package of that name.
grpc.__path__.append(os.path.join(os.environ["PC_PYTHON_PROTOS"], "grpc"))

from grpc.channelz.v1 import channelz_pb2  # noqa: E402
from grpc.health.v1 import health_pb2  # noqa: E402

UPSTREAM = "profilecontext.upstream"


def ask(server, method, request):
    answer = getattr(channelz_pb2, method + "Response")
    return server.channel.unary_unary(
        f"/grpc.channelz.v1.Channelz/{method}", lambda m: m.SerializeToString(), answer.FromString
    )(request, timeout=10)


class Channelz(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()
        cls.server = Server(cls.sandbox.url, "--listen-channelz=true")
        cls.server.call("GetProfile", messages.GetProfileRequest(identity=identity()))

    @classmethod
    def tearDownClass(cls):
        cls.server.end_well()
        cls.sandbox.close()

    def servers(self):
        return ask(self.server, "GetServers", channelz_pb2.GetServersRequest())

    def test_the_server_counts_its_calls(self):
        answer = self.servers()
        self.assertTrue(answer.end)
        self.assertEqual(len(answer.server), 1)
        data = answer.server[0].data
        self.assertGreaterEqual(data.calls_started, 2)
        self.assertGreaterEqual(data.calls_succeeded, 1)
        self.assertGreater(data.last_call_started_timestamp.seconds, 1_600_000_000)
        one = ask(self.server, "GetServer", channelz_pb2.GetServerRequest(
            server_id=answer.server[0].ref.server_id))
        self.assertEqual(one.server.ref, answer.server[0].ref)

    def test_a_connection_shows_with_its_addresses_and_counts(self):
        server_id = self.servers().server[0].ref.server_id
        sockets = ask(self.server, "GetServerSockets", channelz_pb2.GetServerSocketsRequest(
            server_id=server_id))
        self.assertTrue(sockets.end)
        self.assertEqual(len(sockets.socket_ref), 1)
        socket = ask(self.server, "GetSocket", channelz_pb2.GetSocketRequest(
            socket_id=sockets.socket_ref[0].socket_id)).socket
        self.assertEqual(socket.ref.socket_id, sockets.socket_ref[0].socket_id)
        self.assertGreaterEqual(socket.data.streams_started, 3)
        self.assertGreaterEqual(socket.data.messages_received, 3)
        port = int(self.server.address.rsplit(":", 1)[1])
        self.assertEqual(socket.local.tcpip_address.port, port)
        self.assertEqual(socket.remote.tcpip_address.ip_address[-4:], bytes([127, 0, 0, 1]))

    def test_what_is_not_there_is_not_found(self):
        for method, field in (("GetServer", "server_id"), ("GetSocket", "socket_id"),
                              ("GetChannel", "channel_id"), ("GetSubchannel", "subchannel_id")):
            for number in (0, -1, 1 << 40):
                with self.subTest(method, number=number), \
                        self.assertRaises(grpc.RpcError) as caught:
                    request = getattr(channelz_pb2, method + "Request")(**{field: number})
                    ask(self.server, method, request)
                self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)
        self.assertFalse(ask(self.server, "GetTopChannels",
                             channelz_pb2.GetTopChannelsRequest()).channel)


class Health(unittest.TestCase):
    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.close)
        self.server = Server(self.sandbox.url, "--cache-max-bytes=16MiB",
                             "--cache-profile-fresh=0s")
        self.addCleanup(self.server.end_well)

    def health(self, service):
        answer = self.server.channel.unary_unary(
            "/grpc.health.v1.Health/Check", health_pb2.HealthCheckRequest.SerializeToString,
            health_pb2.HealthCheckResponse.FromString,
        )(health_pb2.HealthCheckRequest(service=service), timeout=10)
        return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)

    def ask_until(self, state, request):
        def asked():
            self.server.call("GetProfile", request)
            return self.health(UPSTREAM) == state

        wait_until(asked, 25, f"the upstream to be {state}")

    def test_without_being_asked_for_channelz_is_not_there(self):
        with self.assertRaises(grpc.RpcError) as caught:
            ask(self.server, "GetServers", channelz_pb2.GetServersRequest())
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_the_upstream_has_a_health_of_its_own_and_the_service_goes_on(self):
        request = messages.GetProfileRequest(identity=identity())
        self.server.call("GetProfile", request)
        self.assertEqual(self.health(UPSTREAM), "SERVING")
        watch = self.server.channel.unary_stream(
            "/grpc.health.v1.Health/Watch", health_pb2.HealthCheckRequest.SerializeToString,
            health_pb2.HealthCheckResponse.FromString,
        )(health_pb2.HealthCheckRequest(service=UPSTREAM), timeout=90)
        self.assertEqual(next(watch).status, health_pb2.HealthCheckResponse.SERVING)
        self.sandbox.faults({"operations": {"profile": {"errorRate": 1.0, "errorStatus": 503}}})
        self.ask_until("NOT_SERVING", request)  # stale, from memory
        self.assertEqual(next(watch).status, health_pb2.HealthCheckResponse.NOT_SERVING)
        self.assertEqual(self.health(UPSTREAM), "NOT_SERVING")
        for service in ("", "profilecontext.v1.ProfileContext"):
            self.assertEqual(self.health(service), "SERVING")
        self.sandbox.faults({})
        self.ask_until("SERVING", request)
        self.assertEqual(next(watch).status, health_pb2.HealthCheckResponse.SERVING)
        watch.cancel()
        wait_until(lambda: "upstream.failing" in self.server.read_log(), 10, "a line in the log")

    def test_an_upstream_without_a_token_is_not_serving(self):
        self.sandbox.faults({"operations": {"token": {"errorRate": 1.0, "errorStatus": 500}}})
        request = messages.GetProfileRequest(identity=identity())
        with self.assertRaises(grpc.RpcError):
            self.server.call("GetProfile", request)
        wait_until(lambda: self.health(UPSTREAM) == "NOT_SERVING", 10, "the upstream's health")
        self.assertEqual(self.health("profilecontext.v1.ProfileContext"), "SERVING")


if __name__ == "__main__":
    unittest.main(verbosity=2)
