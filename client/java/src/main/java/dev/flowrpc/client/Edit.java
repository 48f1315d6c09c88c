package dev.flowrpc.client;

import dev.flowrpc.v1.Change;
import dev.flowrpc.v1.PathStep;
import dev.flowrpc.v1.Splice;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What a change does at the end of its path: a value is set, an entry is removed, or a list is spliced. */
sealed interface Edit {
    /** Sets a value. */
    record Set(Object value) implements Edit {}

    /** Removes an entry of a map. */
    record Remove() implements Edit {}

    /** Replaces items of a list. */
    record Replace(Splice where, List<Object> items) implements Edit {
        @SuppressWarnings("unchecked") // state has only lists of any value
        private void splice(Object container, List<PathStep> path) {
            int last = path.size() - 1;
            if (!(container instanceof List<?>)) {
                throw refused(path, last, "only a list can be spliced");
            }
            List<Object> list = (List<Object>) container;
            long start = where.getStart();
            long count = where.getDeleteCount();
            if (start < 0 || count < 0 || start > list.size() || count > list.size() - start) { // the sum might overflow
                String problem = "there are no %d items at %d in a list of %d";
                throw refused(path, last, problem.formatted(count, start, list.size()));
            }
            list.subList((int) start, (int) (start + count)).clear();
            list.addAll((int) start, items);
        }
    }

    /** Makes a change of vars. If it is refused they are as before. */
    static void apply(Map<String, Object> vars, Change change) {
        String name = change.getVar();
        if (name.isEmpty()) {
            throw new InvalidValueException("changes", "one names no var; set Change.var");
        }
        List<PathStep> path = new ArrayList<>();
        path.add(PathStep.newBuilder().setKey(name).build());
        for (PathStep step : change.getStepsList()) {
            path.add(checked(step, name));
        }
        Edit edit = of(change, name);
        if (edit instanceof Replace replace) {
            replace.splice(place(vars, path, path.size()), path);
        } else {
            edit.put(place(vars, path, path.size() - 1), path);
        }
    }

    private static PathStep checked(PathStep step, String name) {
        if (step.getStepCase() == PathStep.StepCase.STEP_NOT_SET) {
            throw new InvalidValueException(name, "a step into it has neither key nor index; set one");
        }
        if (step.getIndex() < 0) {
            throw new InvalidValueException(name, "a step into it has the index " + step.getIndex() + "; count from 0");
        }
        return step;
    }

    private static Edit of(Change change, String name) {
        int depth = change.getStepsCount();
        return switch (change.getOperationCase()) {
            case NULL -> new Set(null);
            case FLAG -> new Set(change.getFlag());
            case INTEGER -> new Set(change.getInteger());
            case NUMBER -> new Set(Values.finite(change.getNumber(), name));
            case TEXT -> new Set(change.getText());
            case VALUE -> new Set(Values.decode(change.getValue(), name, depth));
            case REMOVE -> new Remove();
            case SPLICE -> new Replace(
                    change.getSplice(), Values.decodeItems(change.getSplice().getInsertList(), name, depth + 1));
            case OPERATION_NOT_SET -> throw new InvalidValueException(
                    name, "has no operation that this version knows; set one");
        };
    }

    /** Goes some steps into a container and returns what is there. */
    private static Object place(Object container, List<PathStep> path, int steps) {
        Object found = container;
        for (int at = 0; at < steps; at++) {
            if (found instanceof Map<?, ?> entries) {
                String key = key(path, at);
                if (!entries.containsKey(key)) {
                    throw refused(path, at, "there is no such place");
                }
                found = entries.get(key);
            } else if (found instanceof List<?> items) {
                found = items.get(index(path, at, items));
            } else {
                throw refused(path, at, "there is no list or map around it");
            }
        }
        return found;
    }

    @SuppressWarnings("unchecked") // state has only maps from text, and lists of any value
    private void put(Object container, List<PathStep> path) {
        int last = path.size() - 1;
        if (container instanceof Map<?, ?>) {
            putEntry((Map<String, Object>) container, path, last);
        } else if (!(container instanceof List<?>)) {
            throw refused(path, last, "there is no list or map around it");
        } else {
            List<Object> items = (List<Object>) container;
            int index = index(path, last, items);
            if (!(this instanceof Set set)) {
                throw refused(path, last, "items of a list are removed by a splice");
            }
            items.set(index, set.value);
        }
    }

    private void putEntry(Map<String, Object> entries, List<PathStep> path, int last) {
        String key = key(path, last);
        if (this instanceof Set set) {
            entries.put(key, set.value);
        } else if (entries.containsKey(key)) {
            entries.remove(key);
        } else {
            throw refused(path, last, "there is no such place");
        }
    }

    private static String key(List<PathStep> path, int at) {
        if (!path.get(at).hasKey()) {
            throw refused(path, at, "the key of a map is a text");
        }
        return path.get(at).getKey();
    }

    private static int index(List<PathStep> path, int at, List<?> items) {
        PathStep step = path.get(at);
        if (!step.hasIndex() || step.getIndex() >= items.size()) {
            throw refused(path, at, "there is no such place");
        }
        return (int) step.getIndex();
    }

    private static InvalidValueException refused(List<PathStep> path, int at, String problem) {
        return new InvalidValueException(text(path, at + 1), problem);
    }

    private static String text(List<PathStep> path, int steps) {
        StringBuilder made = new StringBuilder(path.get(0).getKey());
        for (PathStep step : path.subList(1, steps)) {
            made.append(step.hasKey() ? "." + step.getKey() : "[" + step.getIndex() + "]");
        }
        return made.toString();
    }
}
