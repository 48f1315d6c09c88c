package dev.flowrpc.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Why a call was refused, or why it could not be made. */
public final class CallException extends FlowRpcException {
    private static final long serialVersionUID = 1;
    private static final String DOMAIN = "flowrpc";

    private final String reason;
    private final transient Map<String, String> metadata;
    private final transient Map<String, String> violations;
    private final Status.Code code;

    private CallException(Details details, StatusRuntimeException cause) {
        super(text(details.reason, cause), cause);
        reason = details.reason;
        metadata = Map.copyOf(details.metadata);
        violations = Map.copyOf(details.violations);
        code = cause.getStatus().getCode();
    }

    /** Reads what a generated stub throws, also one of the app's own contract. */
    public static CallException of(StatusRuntimeException thrown) {
        Details details = new Details();
        com.google.rpc.Status told = StatusProto.fromThrowable(thrown);
        List<Any> sent = told == null ? List.of() : told.getDetailsList();
        for (Any detail : sent) {
            try {
                details.read(detail);
            } catch (InvalidProtocolBufferException ignored) { // a detail that is damaged tells nothing
                continue;
            }
        }
        return new CallException(details, thrown);
    }

    /**
     * The name of an {@code ErrorReason} without its prefix, such as {@code UNKNOWN_COMMAND}; empty if the app did not
     * answer.
     */
    public String reason() {
        return reason;
    }

    /** What the reason is about, such as the name that was meant. */
    public Map<String, String> metadata() {
        return metadata;
    }

    /** What is wrong with each field of a typed request. */
    public Map<String, String> violations() {
        return violations;
    }

    /** The status code of gRPC. */
    public Status.Code code() {
        return code;
    }

    /** Whether the app could not be reached, is ending, or did not answer: what another try may mend. */
    public boolean unreachable() {
        return switch (code) {
            case UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED -> reason.isEmpty() || reason.equals("STOPPING");
            // What gRPC makes of a call that is sent in the moment in which its connection breaks.
            case UNKNOWN -> getCause().getCause() instanceof IOException;
            default -> false;
        };
    }

    private static String text(String reason, StatusRuntimeException cause) {
        String told = String.valueOf(cause.getStatus().getDescription());
        return reason.isEmpty()
                ? "the app did not answer (%s): %s".formatted(cause.getStatus().getCode(), told)
                : reason + ": " + told;
    }

    private static final class Details {
        private String reason = "";
        private Map<String, String> metadata = Map.of();
        private final Map<String, String> violations = new HashMap<>();

        void read(Any detail) throws InvalidProtocolBufferException {
            if (detail.is(ErrorInfo.class)) {
                ErrorInfo info = detail.unpack(ErrorInfo.class);
                if (info.getDomain().equals(DOMAIN)) {
                    reason = info.getReason().replaceFirst("^ERROR_REASON_", "");
                    metadata = info.getMetadataMap();
                }
            } else if (detail.is(BadRequest.class)) {
                for (var violation : detail.unpack(BadRequest.class).getFieldViolationsList()) {
                    violations.put(violation.getField(), violation.getDescription());
                }
            }
        }
    }
}
