"""Tries again what failed in passing, by gRPC's own retries. Usage: retries.py TARGET NAMESPACE ID"""

import json
import sys

import grpc
from profilecontext.v1 import profile_context_pb2, profile_context_pb2_grpc

# The tries share one deadline; only calls that change nothing belong here.
SERVICE_CONFIG = {
    "methodConfig": [{
        "name": [{"service": "profilecontext.v1.ProfileContext"}],
        "retryPolicy": {
            "maxAttempts": 4,
            "initialBackoff": "0.2s",
            "maxBackoff": "2s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE"],
        },
    }],
}


def main(target, namespace, id):
    options = [("grpc.service_config", json.dumps(SERVICE_CONFIG))]
    with grpc.insecure_channel(target, options) as channel:
        stub = profile_context_pb2_grpc.ProfileContextStub(channel)
        request = profile_context_pb2.GetProfileRequest(
            identity={"namespace": namespace, "id": id})
        response = stub.GetProfile(request, timeout=10)
    print(f"first name: {response.profile.person.name.first_name}")


main(*sys.argv[1:])
