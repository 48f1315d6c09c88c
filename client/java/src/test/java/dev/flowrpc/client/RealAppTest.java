package dev.flowrpc.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.flowrpc.v1.GetStateRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

/** Calls and follows an app that {@code tests/clients/test_java.py} serves. */
@EnabledIfEnvironmentVariable(
        named = RealAppTest.DATA_DIR,
        matches = ".+",
        disabledReason = "no app: tests/clients/test_java.py serves one")
@Timeout(120)
class RealAppTest {
    static final String DATA_DIR = "FLOWRPC_TEST_DATA_DIR";
    private static final Duration LONG = Duration.ofSeconds(60);

    private FlowClient client;
    private Replica replica;

    @BeforeEach
    void connect() {
        client = builder().timeout(LONG).connect();
        replica = client.replicate("root");
    }

    @AfterEach
    void close() {
        replica.close();
        client.close();
    }

    private static FlowClient.Builder builder() {
        return FlowClient.builder().dataDir(Path.of(System.getenv(DATA_DIR)));
    }

    @Test
    void everyValueComesBack() throws Exception {
        Map<String, Object> ordered = new LinkedHashMap<>();
        ordered.put("b", 1L);
        ordered.put("a", Arrays.asList(null, Map.of("", "x")));
        for (Object value : Arrays.asList(
                null, true, false, (1L << 53) + 1, Long.MIN_VALUE, new BigInteger("-123456789012345678901234567890"),
                1.0, -0.0, Double.MIN_VALUE, "", "a\u0308 \ud83d\ude00\0", List.of(), Map.of(), ordered,
                new Extension("point", List.of(1L, 2.5)))) {
            Answer answer = client.call("keep", Collections.singletonMap("value", value));
            VectorsTest.assertSame(value, answer.result());
            replica.awaitRevision(answer.revision(), LONG);
            VectorsTest.assertSame(value, replica.vars("root").get("kept"));
        }
        State state = client.state("root");
        assertTrue(state.revision() >= replica.revision());
        VectorsTest.assertSame(replica.vars("root").get("kept"), state.vars("root").get("kept"));
    }

    @Test
    void errorsHaveReasons() {
        var unknown = assertThrows(CallException.class, () -> client.call("keeep", Map.of()));
        assertEquals("UNKNOWN_COMMAND", unknown.reason());
        assertEquals("keep", unknown.metadata().get("suggestion"));
        assertEquals(Status.Code.NOT_FOUND, unknown.code());
        var arguments = assertThrows(CallException.class, () -> client.call("keep", Map.of("valeu", 1)));
        assertEquals("INVALID_ARGUMENTS", arguments.reason());
        var failed = assertThrows(CommandFailedException.class, () -> client.call("fail", Map.of("text", "n\u00e4h")));
        assertEquals("n\u00e4h", failed.failure().message());
        assertEquals("ValueError", failed.failure().type());
        assertEquals("EXCEPTION", failed.failure().reason());
        var component = assertThrows(CallException.class, () -> client.state("root.x"));
        assertEquals("UNKNOWN_COMPONENT", component.reason());
        var value = assertThrows(InvalidValueException.class, () -> client.call("keep", Map.of("value", new Object())));
        assertEquals("arguments.value", value.place());
    }

    @Test
    void aWrongTokenIsRefused() {
        try (FlowClient stranger = builder().token("wrong").connect();
                Replica blind = stranger.replicate("root")) {
            var refused = assertThrows(CallException.class, () -> stranger.call("keep", Map.of("value", 1)));
            assertEquals("UNAUTHENTICATED", refused.reason());
            refused = assertThrows(CallException.class, () -> blind.awaitRevision(1, LONG));
            assertEquals("UNAUTHENTICATED", refused.reason());
        }
    }

    @Test
    void aRepeatIsAnsweredOnce() {
        CallSettings same = CallSettings.DEFAULT.withRequestId(RequestIds.next());
        Answer first = client.call("count", Map.of(), same);
        Answer second = client.call("count", Map.of(), same);
        assertFalse(first.replayed());
        assertTrue(second.replayed());
        assertEquals(first.result(), second.result());
        var reused = assertThrows(CallException.class, () -> client.call("keep", Map.of("value", 1), same));
        assertEquals("REQUEST_ID_REUSED", reused.reason());
    }

    @Test
    void theAppIsUpdatedAndFollowed() throws Exception {
        client.update("root", Map.of("kept", List.of(1, 2)));
        for (int times = 0; times < 20; times++) { // splices
            client.call("append", Map.of("item", "\ud83d\ude00"));
        }
        Answer answer = client.call("hire", Map.of("name", "ann"));
        replica.awaitRevision(answer.revision(), LONG);
        assertEquals(22, ((List<?>) replica.vars("root").get("kept")).size());
        assertNotNull(replica.vars("root.team.ann"));
        var told = client.flowService().getState(GetStateRequest.newBuilder().setWithStateHash(true).build());
        replica.awaitRevision(told.getRevision(), LONG);
        assertEquals(told.getRevision(), replica.revision());
        assertEquals(told.getStateHash(), replica.stateHash());
        assertEquals(0, replica.mismatches());
    }

    @Test
    void stubsThrowWhatCanBeRead() {
        GetStateRequest wrong = GetStateRequest.newBuilder().setComponent("root.x").build();
        var thrown = assertThrows(StatusRuntimeException.class, () -> client.flowService().getState(wrong));
        assertEquals("UNKNOWN_COMPONENT", CallException.of(thrown).reason());
    }

    @Test
    void aCommandStreams() throws Exception {
        BigInteger huge = new BigInteger("9".repeat(30));
        List<Object> values = Arrays.asList((1L << 53) + 1, "a\u0308 \ud83d\ude00\0", null, huge, List.of(1.5));
        try (CommandStream items = client.stream("each", Map.of("values", values))) {
            for (Object value : values) {
                VectorsTest.assertSame(value, items.next());
            }
            assertFalse(items.hasNext());
            assertFalse(items.hasNext());
            assertThrows(NoSuchElementException.class, items::next);
        }
        long start = (1L << 53) + 1;
        long told = (Long) client.state("root").vars("root").get("told");
        try (CommandStream rows = client.stream("rows", Map.of("start", start), LONG)) {
            for (long number = start; number < start + 3; number++) {
                assertEquals(Map.of("number", number, "name", "n\u00e9e \ud83d\ude00 " + number), rows.next());
            }
            replica.awaitRevision(rows.revision(), LONG); // it holds what was done for the item
            assertEquals(told + 3, replica.vars("root").get("told"));
            assertFalse(rows.hasNext());
        }
    }

    @Test
    void whatAStreamRaisesComesAfterItsItems() {
        Object told = client.state("root").vars("root").get("told");
        try (CommandStream rows = client.stream("rows", Map.of("fail", "n\u00e4h"))) {
            for (int items = 0; items < 3; items++) {
                assertNotNull(rows.next());
            }
            var failed = assertThrows(CommandFailedException.class, rows::hasNext);
            assertEquals("n\u00e4h", failed.failure().message());
            assertEquals("ValueError", failed.failure().type());
            assertTrue(failed.revision() >= rows.revision());
            assertFalse(rows.hasNext());
        }
        assertEquals((Long) told + 3, client.state("root").vars("root").get("told")); // earlier items stand
        assertEquals("INVALID_ARGUMENTS", refusal("rows", Map.of("sart", 1)).reason());
        assertEquals("WRONG_METHOD", refusal("count", Map.of()).reason());
        assertEquals("WRONG_METHOD", assertThrows(CallException.class, () -> client.call("rows", Map.of())).reason());
        var value = assertThrows(InvalidValueException.class, () -> client.stream("each", Map.of("values", Double.NaN)));
        assertEquals("arguments.values", value.place());
    }

    private CallException refusal(String command, Map<String, ?> arguments) {
        try (CommandStream items = client.stream(command, arguments)) {
            return assertThrows(CallException.class, items::hasNext);
        }
    }

    @Test
    void whoLeavesAStreamClosesItsCommand() throws Exception {
        replica.await(view -> view.var("root", "reading").equals(0L), LONG);
        long left = (Long) replica.vars("root").get("left");
        CommandStream ticks = client.stream("ticks", Map.of());
        for (long tick = 0; tick < 100; tick++) { // more than wait for a reader
            assertEquals(tick, ticks.next());
        }
        replica.await(view -> view.var("root", "reading").equals(1L), LONG);
        ticks.close();
        assertFalse(ticks.hasNext());
        replica.await(view -> view.var("root", "left").equals(left + 1), LONG);
        try (CommandStream late = client.stream("ticks", Map.of(), Duration.ofMillis(300))) {
            var over = assertThrows(CallException.class, () -> late.forEachRemaining(tick -> {}));
            assertEquals(Status.Code.DEADLINE_EXCEEDED, over.code());
        }
        replica.await(view -> view.var("root", "left").equals(left + 2), LONG);
        assertEquals(0L, replica.vars("root").get("reading"));
    }

    /** Is told by its standard input that the app was killed and started again, at another address. */
    @Test
    @EnabledIfEnvironmentVariable(named = "FLOWRPC_TEST_KILLS", matches = "1", disabledReason = "nobody kills the app")
    void theAppComesBack() throws Exception {
        Answer before = client.call("count", Map.of());
        replica.awaitRevision(before.revision(), LONG);
        System.out.println("kill it");
        System.out.flush();
        assertNotNull(new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)).readLine());
        Answer after = client.call("count", Map.of()); // sent while the app is away
        assertEquals((Long) before.result() + 1, after.result());
        replica.awaitRevision(after.revision(), LONG);
        assertEquals(after.result(), replica.vars("root").get("counted"));
        assertEquals(0, replica.mismatches());
    }
}
