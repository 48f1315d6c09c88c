package dev.flowrpc.client;

import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Which app to talk to and how.
 *
 * @param address {@code HOST:PORT} or {@code unix:PATH}
 * @param dataDir where the app is found again when it moves; null if only the address is known
 * @param token proves who calls; empty without one
 * @param tls encrypts the connection; null without
 */
record Target(String address, Path dataDir, String token, ChannelCredentials tls) {
    static final String UNIX = "unix:";
    private static final Pattern TOKEN = Pattern.compile("[\\x21-\\x7e]+");
    private static final Pattern LOOPBACK = Pattern.compile("localhost|127(\\.\\d{1,3}){3}|\\[?::1]?");
    private static final int MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
    private static final Duration KEEPALIVE = Duration.ofSeconds(10); // the least that gRPC pings
    private static final Duration KEEPALIVE_TIMEOUT = Duration.ofSeconds(2);

    /** Methods that may be repeated without asking. Commands and updates are repeated by the client, under one id. */
    private static final List<String> REPEATABLE = List.of(
            "GetApp", "GetState", "WatchState", "ListCommands", "ListWorks", "ListAgents", "ListRuns", "CancelRun",
            "DrainAgent", "StreamLogs");

    Target {
        if (!token.isEmpty() && !TOKEN.matcher(token).matches()) {
            throw new AppNotFoundException("the token has characters that none has");
        }
        if (!token.isEmpty() && tls == null && !loopback(address)) {
            throw new AppNotFoundException(
                    address + " is not on this host: its token is only sent encrypted; give credentials of TLS");
        }
    }

    /** Reads a token from a file that is this user's alone. */
    static String readToken(Path file) {
        try {
            return RunningApp.readPrivate(file).strip();
        } catch (IOException unusable) {
            throw new AppNotFoundException("token file: " + unusable.getMessage(), unusable);
        }
    }

    /** Makes the channel; nothing is sent before the first call. */
    ManagedChannel open(Duration timeout) {
        ChannelCredentials credentials = tls == null ? InsecureChannelCredentials.create() : tls;
        ManagedChannelBuilder<?> made = Grpc.newChannelBuilder(uri(), credentials)
                .userAgent("flowrpc-java")
                .intercept(new Guard(token, timeout))
                .maxInboundMessageSize(MAX_MESSAGE_BYTES)
                // A frozen service is noticed while a call or a watch is open.
                .keepAliveTime(KEEPALIVE.toMillis(), TimeUnit.MILLISECONDS)
                .keepAliveTimeout(KEEPALIVE_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)
                .enableRetry()
                .defaultServiceConfig(serviceConfig());
        if (dataDir != null && !address.startsWith(UNIX)) { // a certificate is of the address, not of the data directory
            made.overrideAuthority(address);
        }
        if (loopback(address)) { // a proxy of the environment must see neither these calls nor their token
            made.proxyDetector(any -> null);
        }
        return made.build();
    }

    private String uri() {
        if (address.startsWith(UNIX)) {
            return address;
        }
        String scheme = dataDir == null ? "dns" : DataDirResolverProvider.SCHEME;
        String path = dataDir == null ? "/" + address : dataDir.toAbsolutePath().toString();
        try {
            return new URI(scheme, "", path, null).toString();
        } catch (URISyntaxException impossible) { // the path begins with a slash, and what has to be is quoted
            throw new IllegalArgumentException(impossible);
        }
    }

    private static boolean loopback(String address) {
        String host = address.matches(".*:\\d+") ? address.substring(0, address.lastIndexOf(':')) : address;
        return address.startsWith(UNIX) || LOOPBACK.matcher(host).matches();
    }

    private static Map<String, Object> serviceConfig() {
        Stream<Map<String, Object>> names =
                REPEATABLE.stream().map(method -> Map.of("service", "flowrpc.v1.FlowService", "method", method));
        Map<String, Object> policy = Map.of(
                "maxAttempts", 4.0,
                "initialBackoff", "0.05s",
                "maxBackoff", "0.5s",
                "backoffMultiplier", 2.0,
                "retryableStatusCodes", List.of("UNAVAILABLE"));
        return Map.of("methodConfig", List.of(Map.of("name", names.toList(), "retryPolicy", policy)));
    }
}
