package dev.flowrpc.client;

/** A command raised in the app; what it changed was undone. */
public final class CommandFailedException extends FlowRpcException {
    private static final long serialVersionUID = 1;

    private final transient Failure failure;
    private final long revision;

    CommandFailedException(String command, Failure failure, long revision) {
        super(command + ": " + failure, null);
        this.failure = failure;
        this.revision = revision;
    }

    /** What it raised. */
    public Failure failure() {
        return failure;
    }

    /** The revision that the app was at. */
    public long revision() {
        return revision;
    }
}
