"""A server to attack, with what is asked of it."""

from attacks import Target
from harness import ADA, Server, identity, messages

HEDY = ("Email", "hedy.lamarr@example.com")  # has many events


def start(sandbox, *options):
    return Server(sandbox.url, "--cache-max-bytes=64MiB", "--operator-address=127.0.0.1:0",
                  "--listen-rpc-threads=2", "--defaults-event-limit-max=1000",
                  "--cache-events=1000", *options)


def target_of(server, scale=1.0, address=None):
    """Both requests are answered from memory."""
    small = messages.GetContextRequest(identity=identity(*ADA))
    large = messages.GetContextRequest(identity=identity(*HEDY), event_limit=1000)
    server.call("GetContext", small)
    answer = server.call("GetContext", large)
    assert answer.ByteSize() > 20000, answer.ByteSize()
    return Target(address or server.address, small.SerializeToString(), large.SerializeToString(), scale)
