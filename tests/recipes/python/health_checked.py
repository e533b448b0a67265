"""Sends calls only where the server says that it can serve them.
Usage: health_checked.py TARGET NAMESPACE ID"""

import json
import sys

import grpc
from profilecontext.v1 import profile_context_pb2, profile_context_pb2_grpc

# The channel watches the health of each address behind the target, and takes a healthy one.
SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "healthCheckConfig": {"serviceName": "profilecontext.v1.ProfileContext"},
}


def main(target, namespace, id):
    options = [("grpc.service_config", json.dumps(SERVICE_CONFIG))]
    with grpc.insecure_channel(target, options) as channel:
        stub = profile_context_pb2_grpc.ProfileContextStub(channel)
        request = profile_context_pb2.GetProfileRequest(
            identity={"namespace": namespace, "id": id})
        # Without wait_for_ready the call fails at once while there is no healthy one.
        response = stub.GetProfile(request, timeout=10, wait_for_ready=True)
    print(f"first name: {response.profile.person.name.first_name}")


main(*sys.argv[1:])
