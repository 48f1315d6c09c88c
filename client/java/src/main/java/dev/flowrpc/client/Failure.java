package dev.flowrpc.client;

/**
 * An error of the app's own code, told as data.
 *
 * @param reason the name of a {@code FailureReason} without its prefix, such as {@code EXCEPTION}
 * @param type the exception's class as {@code module.qualname}; empty unless there was an exception
 * @param message one readable text
 * @param traceback the traceback as Python prints it; empty unless there was an exception
 */
public record Failure(String reason, String type, String message, String traceback) {
    static Failure of(dev.flowrpc.v1.Failure told) {
        String reason = told.getReason().name().replaceFirst("^FAILURE_REASON_", "");
        return new Failure(reason, told.getType(), told.getMessage(), told.getTraceback());
    }

    @Override
    public String toString() {
        return type.isEmpty() ? message : type + ": " + message;
    }
}
