package dev.flowrpc.client;

import java.time.Duration;

/**
 * Settings of one call.
 *
 * @param requestId what makes a repeat of the call the same call, also after a crash of the caller; null: a new one, see
 *     {@link RequestIds#next()}
 * @param timeout how long to try; null: as long as {@link FlowClient.Builder#timeout} says
 */
public record CallSettings(String requestId, Duration timeout) {
    /** A new id, and the client's timeout. */
    public static final CallSettings DEFAULT = new CallSettings(null, null);

    /** The same settings with an id of the request. */
    public CallSettings withRequestId(String id) {
        return new CallSettings(id, timeout);
    }

    /** The same settings with a timeout. */
    public CallSettings withTimeout(Duration longest) {
        return new CallSettings(requestId, longest);
    }
}
