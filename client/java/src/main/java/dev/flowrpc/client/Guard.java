package dev.flowrpc.client;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * Gives every call of a channel its token, and every call with one answer a deadline, also those of generated stubs.
 *
 * <p>Streams have no deadline: watches and logs go on, and a command that streams takes as long as it takes.
 */
final class Guard implements ClientInterceptor {
    private static final Metadata.Key<String> AUTHORIZATION =
            Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

    private final String token;
    private final Duration timeout;

    Guard(String token, Duration timeout) {
        this.token = token;
        this.timeout = timeout;
    }

    @Override
    public <Q, A> ClientCall<Q, A> interceptCall(MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
        CallOptions limited = method.getType() == MethodType.UNARY && options.getDeadline() == null
                ? options.withDeadlineAfter(timeout.toNanos(), TimeUnit.NANOSECONDS)
                : options;
        return new SimpleForwardingClientCall<>(next.newCall(method, limited)) {
            @Override
            public void start(Listener<A> listener, Metadata headers) {
                if (!token.isEmpty()) {
                    headers.put(AUTHORIZATION, "Bearer " + token);
                }
                super.start(listener, headers);
            }
        };
    }
}
