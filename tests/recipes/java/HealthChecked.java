import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.health.v1.HealthGrpc;
import java.util.Iterator;
import java.util.concurrent.TimeUnit;
import profilecontext.v1.GetProfileRequest;
import profilecontext.v1.GetProfileResponse;
import profilecontext.v1.Identity;
import profilecontext.v1.ProfileContextGrpc;

/**
 * Sends calls only when the server says that it can serve them. With grpc-services on the class path
 * (Debian has none) a healthCheckConfig in the service config has the channel do this; here the
 * program watches by itself. Usage: HealthChecked TARGET NAMESPACE ID
 */
class HealthChecked {
    private static final String SERVICE = "profilecontext.v1.ProfileContext";

    public static void main(String[] arguments) {
        ManagedChannel channel =
                ManagedChannelBuilder.forTarget(arguments[0]).usePlaintext().build();
        GetProfileRequest request = GetProfileRequest.newBuilder()
                .setIdentity(Identity.newBuilder().setNamespace(arguments[1]).setId(arguments[2]))
                .build();
        try {
            waitUntilHealthy(channel);
            GetProfileResponse response = ProfileContextGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(10, TimeUnit.SECONDS)
                    .getProfile(request);
            System.out.println(
                    "first name: " + response.getProfile().getPerson().getName().getFirstName());
        } finally {
            channel.shutdownNow();
        }
    }

    private static void waitUntilHealthy(ManagedChannel channel) {
        Iterator<HealthCheckResponse> changes = HealthGrpc.newBlockingStub(channel)
                .withWaitForReady()
                .withDeadlineAfter(10, TimeUnit.SECONDS)
                .watch(HealthCheckRequest.newBuilder().setService(SERVICE).build());
        while (changes.next().getStatus() != HealthCheckResponse.ServingStatus.SERVING) {
            // The next change may be the one.
        }
    }
}
