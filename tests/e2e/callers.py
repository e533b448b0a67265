"""Callers with names: a server that asks for certificates, and one of them for each caller."""

import os
import subprocess
import tempfile

import grpc

from harness import METHODS, SERVICE, Failure, Server

CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Certificates:
    """A CA, a certificate for the server, and one for each name, all callers with one key."""

    def __init__(self, names):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = self.temporary.name
        self.openssl("req", "-x509", *CURVE, "-keyout", "ca.key", "-out", "ca.crt", "-subj",
                     "/CN=Test CA", "-days", "2")
        self.openssl("req", *CURVE, "-keyout", "key", "-out", "csr", "-subj", "/CN=x")
        self.openssl("pkey", "-in", "key", "-pubout", "-out", "public")
        self.certify("server", "DNS:localhost,IP:127.0.0.1")
        for number, name in enumerate(names):
            self.certify(f"caller{number}", f"URI:{name}")
        self.files = {name: f"caller{number}" for number, name in enumerate(names)}

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def certify(self, name, alternative):
        self.openssl("x509", "-new", "-force_pubkey", "public", "-subj", f"/CN={name}", "-CA",
                     "ca.crt", "-CAkey", "ca.key", "-days", "2", "-out", f"{name}.crt",
                     "-extfile", self.write("names", f"subjectAltName={alternative}\n"))

    def write(self, name, text):
        """Writes a file beside the certificates, whole at once; its path."""
        path = self.path(name)
        with open(path + ".new", "w") as file:
            file.write(text)
        os.rename(path + ".new", path)
        return path

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def flags(self):
        return [f"--listen-tls-certificate-file={self.path('server.crt')}",
                f"--listen-tls-key-file={self.path('key')}",
                f"--listen-tls-client-ca-file={self.path('ca.crt')}"]

    def close(self):
        self.temporary.cleanup()


class Caller:
    """One of them, with a connection of its own."""

    def __init__(self, server, certificates, name):
        self.channel = grpc.secure_channel(server.address, grpc.ssl_channel_credentials(
            certificates.read("ca.crt"), certificates.read("key"),
            certificates.read(certificates.files[name] + ".crt")))

    def call(self, method, request, purpose=None, **metadata):
        """The answer, or the list of answers, or raises grpc.RpcError."""
        request_type, response_type = METHODS[method]
        streams = method in ("BatchGetContexts", "StreamEvents")
        make = self.channel.unary_stream if streams else self.channel.unary_unary
        pairs = [(name.replace("_", "-"), value) for name, value in metadata.items()]
        if purpose is not None:
            pairs.append(("x-purpose", purpose))
        # Waits, since gRPC core 1.51 reads errno too late after connect: a thread's first allocation in
        # between can leave ENOENT there, and a connection under way is then taken for refused.
        answer = make(SERVICE + method, request_type.SerializeToString, response_type.FromString)(
            request, timeout=20, metadata=pairs, wait_for_ready=True)
        return list(answer) if streams else answer

    def refused(self, method, request, **options):
        """The failure of a call that must fail."""
        try:
            self.call(method, request, **options)
        except grpc.RpcError as error:
            return Failure(error)
        raise AssertionError(f"{method} went well")

    def close(self):
        self.channel.close()


def start(upstream_url, certificates, policy, *arguments):
    """A server with a policy, and no caller yet."""
    path = certificates.write("policy.yaml", policy)
    return Server(upstream_url, *certificates.flags(), f"--access-policy-file={path}",
                  # Nothing is to be turned away on a busy machine.
                  "--door-max-delay=0ms", *arguments)
