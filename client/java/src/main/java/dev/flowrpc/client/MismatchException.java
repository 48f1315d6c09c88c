package dev.flowrpc.client;

/**
 * A replica differs from the app's state at the same revision, by their hashes: it missed or misread a change. It begins
 * anew with a snapshot, and ends with this when that does not help.
 */
public final class MismatchException extends FlowRpcException {
    private static final long serialVersionUID = 1;

    MismatchException(long revision, String own, String told) {
        super("the replica at revision %d has the hash %.16s…, the app %.16s…".formatted(revision, own, told), null);
    }
}
