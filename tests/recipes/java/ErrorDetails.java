import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RequestInfo;
import com.google.rpc.RetryInfo;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.concurrent.TimeUnit;
import profilecontext.v1.GetContextRequest;
import profilecontext.v1.Identity;
import profilecontext.v1.ProfileContextGrpc;

/** Reads the details of an error (google.rpc.Status). Usage: ErrorDetails TARGET */
class ErrorDetails {
    public static void main(String[] arguments) throws InvalidProtocolBufferException {
        ManagedChannel channel =
                ManagedChannelBuilder.forTarget(arguments[0]).usePlaintext().build();
        // Wrong on purpose: there is no identity without a namespace.
        GetContextRequest request = GetContextRequest.newBuilder()
                .setIdentity(Identity.getDefaultInstance())
                .build();
        try {
            ProfileContextGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(10, TimeUnit.SECONDS)
                    .getContext(request);
        } catch (StatusRuntimeException failure) {
            tell(failure);
        } finally {
            channel.shutdownNow();
        }
    }

    private static void tell(StatusRuntimeException failure)
            throws InvalidProtocolBufferException {
        // The code is for general rules, the reason for special ones; the message is for people.
        System.out.println("code: " + failure.getStatus().getCode());
        for (Any detail : StatusProto.fromThrowable(failure).getDetailsList()) {
            if (detail.is(ErrorInfo.class)) {
                ErrorInfo info = detail.unpack(ErrorInfo.class);
                System.out.println("reason: " + info.getReason());
                System.out.println("domain: " + info.getDomain());
            } else if (detail.is(BadRequest.class)) {
                for (BadRequest.FieldViolation violation :
                        detail.unpack(BadRequest.class).getFieldViolationsList()) {
                    System.out.println(
                            "field: " + violation.getField() + ": " + violation.getDescription());
                }
            } else if (detail.is(RetryInfo.class)) {
                System.out.println("retry after: "
                        + detail.unpack(RetryInfo.class).getRetryDelay().getSeconds() + " s");
            } else if (detail.is(RequestInfo.class)) {
                System.out.println(
                        "request id: " + detail.unpack(RequestInfo.class).getRequestId());
            }
        }
    }
}
