package dev.flowrpc.client;

import dev.flowrpc.v1.CallCommandRequest;
import dev.flowrpc.v1.CallCommandResponse;
import dev.flowrpc.v1.Change;
import dev.flowrpc.v1.FlowServiceGrpc;
import dev.flowrpc.v1.FlowServiceGrpc.FlowServiceBlockingStub;
import dev.flowrpc.v1.GetStateRequest;
import dev.flowrpc.v1.GetStateResponse;
import dev.flowrpc.v1.MapEntry;
import dev.flowrpc.v1.StreamCommandRequest;
import dev.flowrpc.v1.UpdateStateRequest;
import io.grpc.Channel;
import io.grpc.ChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** Talks to one app; may be used by several threads. */
public final class FlowClient implements AutoCloseable {
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(1);

    private final ManagedChannel channel;
    private final FlowServiceBlockingStub stub;
    private final Duration timeout;

    private FlowClient(Target target, Duration timeout) {
        this.timeout = timeout;
        channel = target.open(timeout);
        stub = FlowServiceGrpc.newBlockingStub(channel);
    }

    /**
     * Connects to the one running app of this user.
     *
     * @throws AppNotFoundException if there is none, or several
     */
    public static FlowClient connect() {
        return builder().connect();
    }

    /** Names an app and how to talk to it. */
    public static Builder builder() {
        return new Builder();
    }

    /** Calls a command with {@link CallSettings#DEFAULT}. */
    public Answer call(String command, Map<String, ?> arguments) {
        return call(command, arguments, CallSettings.DEFAULT);
    }

    /**
     * Calls a command and waits until what it did is durable. It is tried again under one id, so that it happens once,
     * until the app answers or the timeout is over.
     *
     * @throws CommandFailedException if the command raised
     * @throws CallException if it was refused, or the app did not answer
     * @throws InvalidValueException if an argument is no value
     */
    public Answer call(String command, Map<String, ?> arguments, CallSettings settings) {
        CallCommandRequest request = CallCommandRequest.newBuilder()
                .setCommand(command)
                .addAllArguments(Values.encodeEntries(arguments, "arguments", 1))
                .setRequestId(Objects.requireNonNullElseGet(settings.requestId(), RequestIds::next))
                .build();
        CallCommandResponse response = repeat(
                Objects.requireNonNullElse(settings.timeout(), timeout), limited -> limited.callCommand(request));
        if (response.hasFailure()) {
            throw new CommandFailedException(command, Failure.of(response.getFailure()), response.getRevision());
        }
        return new Answer(Values.fromMessage(response.getResult()), response.getRevision(), response.getReplayed());
    }

    /** Calls a command that streams, and gives it as long as it takes. */
    public CommandStream stream(String command, Map<String, ?> arguments) {
        return stream(stub, command, arguments);
    }

    /**
     * Calls a command that streams. It is sent once: what a stream told is not kept, so nobody asks again.
     *
     * @param longest how long the whole stream may take
     * @throws InvalidValueException if an argument is no value; what else goes wrong is told when the items are read
     */
    public CommandStream stream(String command, Map<String, ?> arguments, Duration longest) {
        return stream(stub.withDeadlineAfter(longest.toNanos(), TimeUnit.NANOSECONDS), command, arguments);
    }

    private CommandStream stream(FlowServiceBlockingStub limited, String command, Map<String, ?> arguments) {
        StreamCommandRequest request = StreamCommandRequest.newBuilder()
                .setCommand(command)
                .addAllArguments(Values.encodeEntries(arguments, "arguments", 1))
                .build();
        reconnect(); // the app may be elsewhere since the last call
        return new CommandStream(limited, request);
    }

    /** Sets vars of a component from outside, all or none, and returns the revision that holds them. */
    public long update(String component, Map<String, ?> vars) {
        UpdateStateRequest.Builder request =
                UpdateStateRequest.newBuilder().setComponent(component).setRequestId(RequestIds.next());
        for (MapEntry entry : Values.encodeEntries(vars, "vars", 1)) {
            request.addChanges(Change.newBuilder().setVar(entry.getKey()).setValue(entry.getValue()));
        }
        return repeat(timeout, limited -> limited.updateState(request.build())).getRevision();
    }

    /** Reads the state of a component and everything below it. */
    public State state(String component) {
        try {
            GetStateResponse response =
                    stub.getState(GetStateRequest.newBuilder().setComponent(component).build());
            Tree read = new Tree();
            read.add(response.getComponentsList());
            read.addRuns(response.getRunsList());
            return read.copy(response.getJournalId(), response.getRevision());
        } catch (StatusRuntimeException refused) {
            throw CallException.of(refused);
        }
    }

    /** Begins to follow a component and everything below it, until the replica is closed or the app ends. */
    public Replica replicate(String component) {
        return new Replica(this, component);
    }

    /**
     * The connection, for stubs that are generated from the app's own contract: they too carry the token and have a deadline.
     * {@link CallException#of} reads what they throw.
     */
    public Channel channel() {
        return channel;
    }

    /** Calls what this class has no method for; {@link CallException#of} reads what it throws. */
    public FlowServiceBlockingStub flowService() {
        return stub;
    }

    /** Closes the connection; streams and replicas of it end. */
    @Override
    public void close() {
        channel.shutdownNow();
    }

    boolean closed() {
        return channel.isShutdown();
    }

    /** Tries to reach the app now, where it is now; gRPC by itself would wait for up to two minutes. */
    void reconnect() {
        channel.resetConnectBackoff();
    }

    /** Sends a request that carries a request id until it is answered or the time is over. */
    private <T> T repeat(Duration longest, Function<FlowServiceBlockingStub, T> send) {
        FlowServiceBlockingStub limited = stub.withDeadlineAfter(longest.toNanos(), TimeUnit.NANOSECONDS);
        long end = System.nanoTime() + longest.toNanos();
        Pauses pauses = new Pauses(LONGEST_PAUSE);
        while (true) {
            try {
                return send.apply(limited);
            } catch (StatusRuntimeException thrown) {
                CallException refused = CallException.of(thrown);
                long pause = pauses.next().toNanos();
                boolean late = pause >= end - System.nanoTime();
                if (!refused.unreachable() || late || closed() || !slept(pause)) {
                    throw refused;
                }
                reconnect();
            }
        }
    }

    /** Sleeps, and tells whether nothing interrupted it. */
    private static boolean slept(long nanos) {
        try {
            TimeUnit.NANOSECONDS.sleep(nanos);
            return true;
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** Names an app and how to talk to it. Without a word it finds the one running app of this user. */
    public static final class Builder {
        private String address;
        private Path dataDir;
        private String app;
        private String token = "";
        private Path tokenFile;
        private ChannelCredentials tls;
        private Duration timeout = Duration.ofSeconds(10);

        private Builder() {}

        /** {@code HOST:PORT} or {@code unix:PATH}. Without it the app is found, and found again when it moves. */
        public Builder address(String chosen) {
            address = chosen;
            return this;
        }

        /** The data directory of the app, of several that run. */
        public Builder dataDir(Path chosen) {
            dataDir = chosen;
            return this;
        }

        /** The name of the app, of several that run. */
        public Builder app(String name) {
            app = name;
            return this;
        }

        /** What proves who calls; apps that are found need none. */
        public Builder token(String chosen) {
            token = chosen;
            return this;
        }

        /** A file that holds the token, and that nobody else may read. */
        public Builder tokenFile(Path chosen) {
            tokenFile = chosen;
            return this;
        }

        /** Encrypts the connection ({@link io.grpc.TlsChannelCredentials}); without, a token only stays on this host. */
        public Builder tls(ChannelCredentials credentials) {
            tls = credentials;
            return this;
        }

        /** The deadline of calls that have none; ten seconds, unless told. */
        public Builder timeout(Duration longest) {
            timeout = longest;
            return this;
        }

        /**
         * Finds the app and makes a client of it; nothing is sent before the first call.
         *
         * @throws AppNotFoundException if no app fits, or several, or the token is not usable
         */
        public FlowClient connect() {
            String where = address;
            Path home = null;
            Path secret = tokenFile;
            if (where == null) {
                RunningApp found = RunningApp.find(dataDir, app);
                where = found.address();
                home = found.dataDir();
                secret = secret == null ? found.tokenFile().orElse(null) : secret;
            }
            String proof = token.isEmpty() && secret != null ? Target.readToken(secret) : token;
            return new FlowClient(new Target(where, home, proof, tls), timeout);
        }
    }
}
