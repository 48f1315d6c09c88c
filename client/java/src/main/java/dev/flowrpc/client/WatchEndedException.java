package dev.flowrpc.client;

/** A replica follows no more: the app ended, or the replica was closed. */
public final class WatchEndedException extends FlowRpcException {
    private static final long serialVersionUID = 1;

    WatchEndedException(String message) {
        super(message, null);
    }
}
