package dev.flowrpc.client;

/** Everything that this package throws of its own. */
public abstract sealed class FlowRpcException extends RuntimeException
        permits AppNotFoundException,
                CallException,
                CommandFailedException,
                InvalidValueException,
                MismatchException,
                WatchEndedException {
    private static final long serialVersionUID = 1;

    FlowRpcException(String message, Throwable cause) {
        super(message, cause);
    }
}
