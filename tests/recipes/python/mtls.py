"""Shows the server a certificate, and believes only one that this CA has signed.
Usage: mtls.py TARGET CA CERTIFICATE KEY NAMESPACE ID"""

import sys

import grpc
from profilecontext.v1 import profile_context_pb2, profile_context_pb2_grpc


def read(path):
    with open(path, "rb") as file:
        return file.read()


def main(target, ca, certificate, key, namespace, id):
    credentials = grpc.ssl_channel_credentials(read(ca), read(key), read(certificate))
    with grpc.secure_channel(target, credentials) as channel:
        stub = profile_context_pb2_grpc.ProfileContextStub(channel)
        request = profile_context_pb2.GetProfileRequest(
            identity={"namespace": namespace, "id": id})
        response = stub.GetProfile(request, timeout=10)
    print(f"first name: {response.profile.person.name.first_name}")


main(*sys.argv[1:])
