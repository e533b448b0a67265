"""Reads the details of an error (google.rpc.Status). Usage: error_details.py TARGET"""

import sys

import grpc
from google.rpc import error_details_pb2, status_pb2
from profilecontext.v1 import profile_context_pb2, profile_context_pb2_grpc


def details_of(error):
    """The details by type, such as details["ErrorInfo"]."""
    found = {}
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for item in status_pb2.Status.FromString(value).details:
                name = item.type_url.rsplit(".", 1)[-1]
                detail = getattr(error_details_pb2, name, None)
                if detail is not None:
                    found[name] = detail.FromString(item.value)
    return found


def main(target):
    with grpc.insecure_channel(target) as channel:
        stub = profile_context_pb2_grpc.ProfileContextStub(channel)
        try:
            # Wrong on purpose: there is no identity without a namespace.
            stub.GetContext(profile_context_pb2.GetContextRequest(identity={}), timeout=1)
        except grpc.RpcError as error:
            details = details_of(error)
            # The code is for general rules, the reason for special ones; the message is for people.
            print(f"code: {error.code().name}")
            if "ErrorInfo" in details:
                print(f"reason: {details['ErrorInfo'].reason}")
                print(f"domain: {details['ErrorInfo'].domain}")
            if "BadRequest" in details:
                for violation in details["BadRequest"].field_violations:
                    print(f"field: {violation.field}: {violation.description}")
            if "RetryInfo" in details:
                print(f"retry after: {details['RetryInfo'].retry_delay.ToMilliseconds()} ms")
            if "RequestInfo" in details:
                print(f"request id: {details['RequestInfo'].request_id}")


main(*sys.argv[1:])
