"""Asks for the context of one customer, with a deadline. Usage: get_context.py TARGET NAMESPACE ID"""

import sys

import grpc
from profilecontext.v1 import context_pb2, profile_context_pb2, profile_context_pb2_grpc


def main(target, namespace, id):
    with grpc.insecure_channel(target) as channel:
        stub = profile_context_pb2_grpc.ProfileContextStub(channel)
        request = profile_context_pb2.GetContextRequest(
            identity={"namespace": namespace, "id": id}, event_limit=20)
        # The server answers before the deadline with what it has by then.
        context = stub.GetContext(request, timeout=1).context
    for info in context.sections:
        if info.status != context_pb2.SECTION_STATUS_OK:
            section = context_pb2.Section.Name(info.section)
            print(f"{section} is incomplete: {context_pb2.SectionStatus.Name(info.status)}")
    print(f"first name: {context.profile.person.name.first_name}")
    print(f"{len(context.events)} events")


main(*sys.argv[1:])
