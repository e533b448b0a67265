import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import profilecontext.v1.GetProfileRequest;
import profilecontext.v1.GetProfileResponse;
import profilecontext.v1.Identity;
import profilecontext.v1.ProfileContextGrpc;

/** Tries again what failed in passing, by gRPC's own retries. Usage: Retries TARGET NAMESPACE ID */
class Retries {
    // The tries share one deadline; only calls that change nothing belong here. Numbers are doubles,
    // as in JSON.
    private static final Map<String, Object> SERVICE_CONFIG = Map.of(
            "methodConfig",
            List.of(Map.of(
                    "name",
                    List.of(Map.of("service", "profilecontext.v1.ProfileContext")),
                    "retryPolicy",
                    Map.of(
                            "maxAttempts", 4.0,
                            "initialBackoff", "0.2s",
                            "maxBackoff", "2s",
                            "backoffMultiplier", 2.0,
                            "retryableStatusCodes", List.of("UNAVAILABLE")))));

    public static void main(String[] arguments) {
        ManagedChannel channel = ManagedChannelBuilder.forTarget(arguments[0])
                .usePlaintext()
                .defaultServiceConfig(SERVICE_CONFIG)
                .enableRetry()
                .build();
        GetProfileRequest request = GetProfileRequest.newBuilder()
                .setIdentity(Identity.newBuilder().setNamespace(arguments[1]).setId(arguments[2]))
                .build();
        try {
            GetProfileResponse response = ProfileContextGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(10, TimeUnit.SECONDS)
                    .getProfile(request);
            System.out.println(
                    "first name: " + response.getProfile().getPerson().getName().getFirstName());
        } finally {
            channel.shutdownNow();
        }
    }
}
