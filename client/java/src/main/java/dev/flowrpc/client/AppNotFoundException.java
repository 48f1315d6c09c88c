package dev.flowrpc.client;

/** No running app fits, or what proves who calls is not usable; the message says what was looked for and what to do. */
public final class AppNotFoundException extends FlowRpcException {
    private static final long serialVersionUID = 1;

    AppNotFoundException(String message) {
        super(message, null);
    }

    AppNotFoundException(String message, Throwable cause) {
        super(message, cause);
    }
}
