package dev.flowrpc.client;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Timestamp;
import dev.flowrpc.v1.Change;
import dev.flowrpc.v1.Delta;
import dev.flowrpc.v1.Revision;
import dev.flowrpc.v1.Snapshot;
import dev.flowrpc.v1.Value;
import dev.flowrpc.v1.WatchStateRequest;
import dev.flowrpc.v1.WatchStateResponse;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;

/** What every client must make of the contract's bytes: each vector is a test of its own. */
class VectorsTest {
    /** A vector is played with the file's word on it. */
    private interface Play {
        void play(JsonObject vector) throws IOException;
    }

    @TestFactory
    Stream<DynamicTest> values() throws IOException {
        return tests("values.json", VectorsTest::playValue, VectorsTest::playRefusedValue);
    }

    @TestFactory
    Stream<DynamicTest> changes() throws IOException {
        return tests("changes.json", VectorsTest::playChange, VectorsTest::playRefusedChange);
    }

    @TestFactory
    Stream<DynamicTest> watches() throws IOException {
        return tests("watches.json", VectorsTest::playWatch, null);
    }

    private static Stream<DynamicTest> tests(String file, Play taken, Play refused) throws IOException {
        JsonObject read = ExactJson.vectors(file);
        Stream<DynamicTest> made = tests(read, "cases", "", taken);
        return refused == null ? made : Stream.concat(made, tests(read, "refused", "refused: ", refused));
    }

    private static Stream<DynamicTest> tests(JsonObject read, String list, String prefix, Play play) {
        List<DynamicTest> made = new ArrayList<>();
        for (JsonElement each : read.getAsJsonArray(list)) {
            JsonObject vector = each.getAsJsonObject();
            String name = prefix + vector.get("name").getAsString();
            Executable test = () -> assertAll(name, () -> play.play(vector)); // Surefire tells no names of dynamic tests
            made.add(DynamicTest.dynamicTest(name, test));
        }
        assertFalse(made.isEmpty(), "there are no vectors in " + list);
        return made.stream();
    }

    /** Compares exactly: the bytes of the hash tell everything apart that state does. */
    static void assertSame(Object wanted, Object found) {
        assertArrayEquals(StateHash.bytes(wanted), StateHash.bytes(found), () -> found + " instead of " + wanted);
    }

    private static Object read(JsonObject written) throws InvalidProtocolBufferException {
        return Values.fromMessage(Value.parseFrom(ExactJson.bytes(written.get("message"))));
    }

    private static void playValue(JsonObject vector) throws IOException {
        Object value = read(vector);
        assertArrayEquals(ExactJson.bytes(vector.get("hashed")), StateHash.bytes(value));
        assertSame(ExactJson.value(vector.get("json")), value);
        assertSame(value, Values.fromMessage(Values.toMessage(value)));
        assertSame(value, Values.copy(value));
    }

    private static void playRefusedValue(JsonObject vector) {
        Value message;
        try {
            message = Value.parseFrom(ExactJson.bytes(vector.get("message")));
        } catch (InvalidProtocolBufferException refused) {
            return; // by the parser
        }
        assertThrows(InvalidValueException.class, () -> Values.fromMessage(message));
    }

    @SuppressWarnings("unchecked")
    private static void playChange(JsonObject vector) throws IOException {
        Map<String, Object> vars = (Map<String, Object>) read(vector.getAsJsonObject("before"));
        Edit.apply(vars, Change.parseFrom(ExactJson.bytes(vector.get("message"))));
        assertSame(read(vector.getAsJsonObject("after")), vars);
    }

    @SuppressWarnings("unchecked")
    private static void playRefusedChange(JsonObject vector) throws IOException {
        Map<String, Object> vars = (Map<String, Object>) read(vector.getAsJsonObject("before"));
        Change change = Change.parseFrom(ExactJson.bytes(vector.get("message")));
        assertThrows(InvalidValueException.class, () -> Edit.apply(vars, change));
        assertSame(read(vector.getAsJsonObject("before")), vars);
    }

    private static void playWatch(JsonObject vector) throws IOException {
        Fold fold = new Fold();
        for (JsonElement each : vector.getAsJsonArray("steps")) {
            JsonObject step = each.getAsJsonObject();
            take(fold, step);
            if (!step.has("refused")) {
                check(fold, step.get("after"));
            }
        }
    }

    private static void take(Fold fold, JsonObject step) throws IOException {
        if (step.has("break")) {
            fold.resume("root");
            return;
        }
        WatchStateResponse message = WatchStateResponse.parseFrom(ExactJson.bytes(step.get("message")));
        if (step.has("mismatch")) {
            assertThrows(MismatchException.class, () -> fold.take(message));
            fold.resume("root");
        } else if (step.has("refused")) {
            assertThrows(InvalidValueException.class, () -> fold.take(message));
        } else if (fold.take(message) == Fold.Next.WATCH) {
            fold.resume("root");
        }
    }

    private static void check(Fold fold, JsonElement wanted) {
        assertEquals(!wanted.isJsonNull(), fold.ready(), "whether there is a state that is trusted");
        if (wanted.isJsonNull()) {
            return;
        }
        JsonObject state = wanted.getAsJsonObject();
        JsonObject resume = state.getAsJsonObject("resume");
        assertEquals(resume.get("after_revision").getAsLong(), fold.revision());
        assertEquals(resume.get("journal_id").getAsString(), fold.journal());
        assertEquals(state.get("state_hash").getAsString(), fold.state().hash());
        State found = fold.state().copy(fold.journal(), fold.revision());
        assertSame(ExactJson.value(state.get("components")), found.components().stream().map(VectorsTest::plain).toList());
        List<String> runs = new ArrayList<>();
        state.getAsJsonArray("runs").forEach(run -> runs.add(line(run.getAsJsonObject())));
        assertEquals(runs, found.runs().stream().map(VectorsTest::line).sorted().toList());
    }

    private static Map<String, Object> plain(Component component) {
        Map<String, Object> plain = new LinkedHashMap<>();
        plain.put("name", component.name());
        plain.put("kind", component.kind());
        plain.put("type", component.type());
        plain.put("vars", pairs(component.vars()));
        if (component.recipe() != null) {
            Map<String, Object> recipe = new LinkedHashMap<>();
            recipe.put("type", component.recipe().type());
            recipe.put("args", component.recipe().args());
            recipe.put("kwargs", pairs(component.recipe().kwargs()));
            plain.put("recipe", recipe);
        }
        return plain;
    }

    private static List<Object> pairs(Map<String, Object> entries) {
        List<Object> made = new ArrayList<>();
        entries.forEach((key, value) -> {
            List<Object> pair = new ArrayList<>();
            pair.add(key);
            pair.add(value);
            made.add(pair);
        });
        return made;
    }

    private static String line(JsonObject run) {
        return run.get("run_id").getAsString() + " " + run.get("work").getAsString() + " "
                + run.get("status").getAsString();
    }

    private static String line(dev.flowrpc.v1.Run run) {
        String status = run.getStatus().name().replaceFirst("^RUN_STATUS_", "").toLowerCase(Locale.ROOT);
        return run.getRunId() + " " + run.getWork() + " " + status;
    }

    @TestFactory
    Stream<DynamicTest> theComparisonTellsApart() {
        Map<String, Object> ab = new LinkedHashMap<>();
        ab.put("a", null);
        ab.put("b", null);
        Map<String, Object> ba = new LinkedHashMap<>();
        ba.put("b", null);
        ba.put("a", null);
        Object[][] pairs = {{1L, 1.0}, {0.0, -0.0}, {"1", 1L}, {ab, ba}};
        return Stream.of(pairs).map(pair -> DynamicTest.dynamicTest(pair[0] + " from " + pair[1], () -> assertThrows(
                AssertionError.class, () -> assertSame(pair[0], pair[1]))));
    }

    @Test
    void aStateThatARevisionWasHalfMadeOfIsNotTrusted() {
        Fold fold = new Fold();
        Snapshot empty = Snapshot.newBuilder().setFirst(true).setLast(true).build();
        fold.take(WatchStateResponse.newBuilder().setSnapshot(empty).build());
        assertTrue(fold.ready());
        Revision wrong = Revision.newBuilder()
                .setNumber(1)
                .setTime(Timestamp.getDefaultInstance())
                .addDeltas(Delta.newBuilder().setComponent("root").addChanges(Change.getDefaultInstance()))
                .build();
        WatchStateResponse message = WatchStateResponse.newBuilder().setRevision(wrong).build();
        assertThrows(InvalidValueException.class, () -> fold.take(message));
        assertFalse(fold.ready());
    }

    @Test
    void aFoldWithoutAStateAsksForASnapshot() {
        WatchStateRequest request = new Fold().resume("root");
        assertFalse(request.hasAfterRevision());
        assertTrue(request.getJournalId().isEmpty());
    }
}
