package dev.flowrpc.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.NullValue;
import dev.flowrpc.v1.CallCommandRequest;
import dev.flowrpc.v1.CallCommandResponse;
import dev.flowrpc.v1.FlowServiceGrpc.FlowServiceImplBase;
import dev.flowrpc.v1.GetStateRequest;
import dev.flowrpc.v1.GetStateResponse;
import dev.flowrpc.v1.Snapshot;
import dev.flowrpc.v1.StreamCommandRequest;
import dev.flowrpc.v1.StreamCommandResponse;
import dev.flowrpc.v1.Value;
import dev.flowrpc.v1.WatchStateRequest;
import dev.flowrpc.v1.WatchStateResponse;
import io.grpc.Context;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class FlowClientTest {
    private static final Duration LONG = Duration.ofSeconds(50);

    /** Refuses the first calls as a service that is being started again does, and tells states with wrong hashes. */
    private static final class Flaky extends FlowServiceImplBase {
        final List<String> ids = new CopyOnWriteArrayList<>();
        final List<WatchStateRequest> watches = new CopyOnWriteArrayList<>();
        final List<Boolean> limits = new CopyOnWriteArrayList<>();
        final List<String> reads = new CopyOnWriteArrayList<>();
        final CountDownLatch left = new CountDownLatch(1);
        private final Status refusal;

        Flaky(Status refusal) {
            this.refusal = refusal;
        }

        @Override
        public void callCommand(CallCommandRequest request, StreamObserver<CallCommandResponse> answers) {
            ids.add(request.getRequestId());
            limits.add(Context.current().getDeadline() != null);
            if (ids.size() < 3) {
                answers.onError(refusal.asRuntimeException());
                return;
            }
            Value nothing = Value.newBuilder().setNullValue(NullValue.NULL_VALUE).build();
            answers.onNext(CallCommandResponse.newBuilder().setResult(nothing).build());
            answers.onCompleted();
        }

        @Override
        public void getState(GetStateRequest request, StreamObserver<GetStateResponse> answers) {
            reads.add(request.getComponent());
            answers.onError(refusal.asRuntimeException());
        }

        @Override
        public void streamCommand(StreamCommandRequest request, StreamObserver<StreamCommandResponse> answers) {
            reads.add(request.getCommand());
            limits.add(Context.current().getDeadline() != null);
            Context.current().addListener(over -> left.countDown(), Runnable::run);
            if (request.getCommand().equals("refused")) {
                answers.onError(refusal.asRuntimeException());
                return;
            }
            Value one = Value.newBuilder().setIntValue(1).build();
            answers.onNext(StreamCommandResponse.newBuilder().setItem(one).setRevision(7).build());
            if (request.getCommand().equals("items")) {
                answers.onNext(StreamCommandResponse.getDefaultInstance()); // of a later version
            }
        }

        @Override
        public void watchState(WatchStateRequest request, StreamObserver<WatchStateResponse> answers) {
            watches.add(request);
            limits.add(Context.current().getDeadline() != null);
            Snapshot wrong = Snapshot.newBuilder()
                    .setRevision(1)
                    .setFirst(true)
                    .setLast(true)
                    .setStateHash("0".repeat(64))
                    .build();
            answers.onNext(WatchStateResponse.newBuilder().setSnapshot(wrong).build());
        }
    }

    private Server server;
    private FlowClient client;

    private FlowClient serve(Flaky service) throws IOException {
        server = Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
                .addService(service)
                .build()
                .start();
        client = FlowClient.builder()
                .address("127.0.0.1:" + server.getPort())
                .timeout(LONG)
                .connect();
        return client;
    }

    @AfterEach
    void end() {
        if (client != null) {
            client.close();
            server.shutdownNow();
        }
    }

    @Test
    void aCommandIsRepeatedUnderOneId() throws IOException {
        Flaky service = new Flaky(Status.UNAVAILABLE);
        serve(service).call("add", Map.of());
        assertEquals(3, service.ids.size());
        assertEquals(1, service.ids.stream().distinct().count());
    }

    @Test
    void aRefusedCommandIsNotRepeated() throws IOException {
        Flaky service = new Flaky(Status.INVALID_ARGUMENT.withDescription("no"));
        FlowClient refusing = serve(service);
        var refused = assertThrows(CallException.class, () -> refusing.call("add", Map.of()));
        assertEquals(Status.Code.INVALID_ARGUMENT, refused.code());
        assertFalse(refused.unreachable());
        assertEquals(1, service.ids.size());
    }

    @Test
    void whatAnotherTryMayMendIsToldFromWhatItMayNot() {
        Status broken = Status.UNKNOWN.withDescription("channel closed").withCause(new ClosedChannelException());
        for (Status mended : List.of(Status.UNAVAILABLE, Status.DEADLINE_EXCEEDED, Status.CANCELLED, broken)) {
            assertTrue(CallException.of(mended.asRuntimeException()).unreachable(), mended::toString);
        }
        Status ours = Status.UNKNOWN.withCause(new IllegalStateException());
        for (Status not : List.of(Status.UNKNOWN, Status.INTERNAL, Status.NOT_FOUND, Status.RESOURCE_EXHAUSTED, ours)) {
            assertFalse(CallException.of(not.asRuntimeException()).unreachable(), not::toString);
        }
    }

    @Test
    void callsOfStubsHaveADeadlineAndStreamsHaveNone() throws IOException {
        Flaky service = new Flaky(Status.INVALID_ARGUMENT);
        var stub = serve(service).flowService();
        assertThrows(StatusRuntimeException.class, () -> stub.callCommand(CallCommandRequest.getDefaultInstance()));
        stub.watchState(WatchStateRequest.getDefaultInstance()).next();
        assertEquals(List.of(true, false), service.limits);
    }

    @Test
    void whatOnlyReadsIsRepeatedAndAStreamIsNot() throws IOException {
        Flaky service = new Flaky(Status.UNAVAILABLE);
        FlowClient refusing = serve(service);
        assertThrows(CallException.class, () -> refusing.state("root"));
        assertEquals(List.of("root", "root", "root", "root"), service.reads);
        service.reads.clear();
        try (CommandStream items = refusing.stream("refused", Map.of())) {
            assertTrue(assertThrows(CallException.class, items::next).unreachable());
            assertFalse(items.hasNext());
        }
        assertEquals(List.of("refused"), service.reads);
    }

    @Test
    void aStreamEndsWhenItIsClosedOrCannotBeRead() throws Exception {
        Flaky service = new Flaky(Status.UNAVAILABLE);
        CommandStream items = serve(service).stream("items", Map.of());
        assertEquals(0, items.revision());
        assertEquals(1L, items.next());
        assertEquals(7, items.revision());
        assertThrows(InvalidValueException.class, items::hasNext);
        assertTrue(service.left.await(LONG.toSeconds(), TimeUnit.SECONDS));
        assertFalse(items.hasNext());
        assertEquals(List.of(false), service.limits);

        CommandStream waited = client.stream("items", Map.of(), LONG);
        assertEquals(1L, waited.next());
        waited.close();
        assertFalse(waited.hasNext());
        assertThrows(NoSuchElementException.class, waited::next);
        assertEquals(List.of(false, true), service.limits);
    }

    @Test
    void aStreamIsClosedUnderItsReader() throws Exception {
        CommandStream items = serve(new Flaky(Status.UNAVAILABLE)).stream("silent", Map.of());
        assertEquals(1L, items.next());
        FutureTask<Boolean> more = new FutureTask<>(items::hasNext);
        Thread reader = new Thread(more);
        reader.start();
        while (reader.getState() == Thread.State.NEW || reader.getState() == Thread.State.RUNNABLE) {
            Thread.onSpinWait();
        }
        items.close();
        assertFalse(more.get());
    }

    @Test
    void aClosedClientTriesNoMore() throws IOException {
        FlowClient over = serve(new Flaky(Status.UNAVAILABLE));
        over.close();
        CallSettings settings = CallSettings.DEFAULT.withTimeout(Duration.ofHours(1));
        assertThrows(CallException.class, () -> over.call("add", Map.of(), settings));
    }

    @Test
    void aCallEndsWithItsTimeout() throws IOException {
        FlowClient away = serve(new Flaky(Status.UNAVAILABLE));
        server.shutdownNow();
        CallSettings settings = CallSettings.DEFAULT.withTimeout(Duration.ofMillis(300));
        var refused = assertThrows(CallException.class, () -> away.call("add", Map.of(), settings));
        assertTrue(refused.unreachable());
    }

    @Test
    void aReplicaThatDiffersAgainAndAgainGivesUp() throws IOException {
        Flaky service = new Flaky(Status.UNAVAILABLE);
        try (Replica replica = serve(service).replicate("root")) {
            assertThrows(MismatchException.class, () -> replica.awaitRevision(1, LONG));
            assertEquals(3, replica.mismatches());
        }
        assertEquals(3, service.watches.size());
        assertTrue(service.watches.stream().noneMatch(WatchStateRequest::hasAfterRevision));
    }

    @Test
    void whoWaitsHearsThatTheReplicaOrItsClientWasClosed() throws IOException {
        FlowClient away = serve(new Flaky(Status.UNAVAILABLE));
        server.shutdownNow();
        Replica first = away.replicate("root");
        assertThrows(TimeoutException.class, () -> first.awaitRevision(1, Duration.ofMillis(1)));
        first.close();
        var told = assertThrows(WatchEndedException.class, () -> first.awaitRevision(1, LONG));
        assertTrue(told.getMessage().contains("replica was closed"));
        Replica second = away.replicate("root");
        away.close();
        told = assertThrows(WatchEndedException.class, () -> second.awaitRevision(1, LONG));
        assertTrue(told.getMessage().contains("client was closed"));
    }

    @Test
    void idsOfRequestsAreUuidsOfVersion7() {
        String first = RequestIds.next();
        assertTrue(first.matches("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"), first);
        assertNotEquals(first, RequestIds.next());
        long made = Long.parseLong(first.replace("-", "").substring(0, 12), 16);
        assertTrue(Math.abs(System.currentTimeMillis() - made) < 60_000);
    }

    @Test
    void pausesGrowAndDiffer() {
        Pauses pauses = new Pauses(Duration.ofSeconds(1));
        long bound = 50_000_000;
        for (int index = 0; index < 10; index++) {
            long pause = pauses.next().toNanos();
            assertTrue(pause >= bound / 2 && pause <= bound, pause + " is not between the half of " + bound + " and it");
            bound = Math.min(2 * bound, 1_000_000_000);
        }
    }

    @Test
    void aTokenStaysOnThisHostWithoutTls(@TempDir Path folder) throws IOException {
        for (String address : List.of("203.0.113.7:443", "127.0.0.1.example.com:1", "localhost.example.com:1")) {
            var away = FlowClient.builder().address(address).token("secret");
            assertTrue(assertThrows(AppNotFoundException.class, away::connect).getMessage().contains("only sent encrypted"));
        }
        for (String address : List.of("127.0.0.1:1", "localhost:1", "[::1]:1", "unix:/nowhere")) {
            FlowClient.builder().address(address).token("secret").connect().close();
        }
        Path file = folder.resolve("token");
        Files.writeString(file, "secret\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
        var open = FlowClient.builder().address("127.0.0.1:1").tokenFile(file);
        assertTrue(assertThrows(AppNotFoundException.class, open::connect).getMessage().contains("chmod 600"));
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        open.connect().close();
    }

    @Test
    void whereNoAppRunsTheMessageSaysWhatToDo(@TempDir Path folder) {
        var none = FlowClient.builder().dataDir(folder);
        assertTrue(assertThrows(AppNotFoundException.class, none::connect).getMessage().contains(folder.toString()));
        var other = FlowClient.builder().app("no app has this name");
        assertTrue(assertThrows(AppNotFoundException.class, other::connect).getMessage().contains("flowctl run"));
    }
}
