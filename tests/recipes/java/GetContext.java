import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import java.util.concurrent.TimeUnit;
import profilecontext.v1.Context;
import profilecontext.v1.GetContextRequest;
import profilecontext.v1.Identity;
import profilecontext.v1.ProfileContextGrpc;
import profilecontext.v1.SectionInfo;
import profilecontext.v1.SectionStatus;

/** Asks for the context of one customer, with a deadline. Usage: GetContext TARGET NAMESPACE ID */
class GetContext {
    public static void main(String[] arguments) {
        ManagedChannel channel =
                ManagedChannelBuilder.forTarget(arguments[0]).usePlaintext().build();
        GetContextRequest request = GetContextRequest.newBuilder()
                .setIdentity(Identity.newBuilder().setNamespace(arguments[1]).setId(arguments[2]))
                .setEventLimit(20)
                .build();
        try {
            // The server answers before the deadline with what it has by then. A program's first
            // call is slow in Java: make one before it counts.
            Context context = ProfileContextGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(2, TimeUnit.SECONDS)
                    .getContext(request)
                    .getContext();
            for (SectionInfo info : context.getSectionsList()) {
                if (info.getStatus() != SectionStatus.SECTION_STATUS_OK) {
                    System.out.println(info.getSection() + " is incomplete: " + info.getStatus());
                }
            }
            System.out.println(
                    "first name: " + context.getProfile().getPerson().getName().getFirstName());
            System.out.println(context.getEventsCount() + " events");
        } finally {
            channel.shutdownNow();
        }
    }
}
