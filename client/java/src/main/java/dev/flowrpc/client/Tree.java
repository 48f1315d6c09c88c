package dev.flowrpc.client;

import dev.flowrpc.v1.AppStatus;
import dev.flowrpc.v1.Change;
import dev.flowrpc.v1.Delta;
import dev.flowrpc.v1.Revision;
import dev.flowrpc.v1.Run;
import dev.flowrpc.v1.RunStatus;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The state at one revision: what comes of folding revisions. */
final class Tree {
    /** How many ended runs of a work are kept, as many as a snapshot has. */
    private static final int KEPT_RUNS = 20;

    private static final Comparator<Run> NEWEST_FIRST = Comparator.comparing(
                    (Run run) -> run.getRequestedAt().getSeconds())
            .thenComparing(run -> run.getRequestedAt().getNanos())
            .reversed()
            .thenComparing(Run::getRunId);

    /** Parents before children, siblings in order of attachment. */
    final Map<String, StateHash.Digested> nodes = new LinkedHashMap<>();

    final Map<String, Run> runs = new HashMap<>();
    private AppStatus app;

    /** Adds components; one that is split over several has all their vars. */
    void add(List<dev.flowrpc.v1.Component> messages) {
        for (var message : messages) {
            Component component = Component.of(message);
            StateHash.Digested known = nodes.get(component.name());
            if (known == null) {
                nodes.put(component.name(), new StateHash.Digested(component));
            } else {
                known.component.vars().putAll(component.vars());
            }
        }
    }

    void addRuns(List<Run> told) {
        told.forEach(run -> runs.put(run.getRunId(), run));
    }

    void setApp(AppStatus told) {
        app = told;
    }

    /** Applies a revision. If it is refused the tree is of no use any more. */
    void fold(Revision revision) {
        boolean detached = false;
        for (Delta delta : revision.getDeltasList()) {
            foldDelta(delta);
            detached |= delta.getDetached();
        }
        addRuns(revision.getRunsList());
        revision.getForgottenRunsList().forEach(runs::remove);
        if (revision.hasApp()) {
            app = revision.getApp();
        }
        if (detached || revision.getRunsCount() > 0) {
            forgetRuns();
        }
    }

    String hash() {
        return StateHash.of(nodes.values());
    }

    State copy(String journal, long revision) {
        return new State(
                journal,
                revision,
                nodes.values().stream().map(node -> node.component.copy()).toList(),
                runs.values().stream().sorted(NEWEST_FIRST).toList(),
                Optional.ofNullable(app));
    }

    private void foldDelta(Delta delta) {
        String name = delta.getComponent();
        if (name.isEmpty()) {
            throw new InvalidValueException("delta", "names no component; set Delta.component");
        }
        if (delta.hasAttached()) {
            Component attached = Component.of(delta.getAttached());
            nodes.put(attached.name(), new StateHash.Digested(attached));
        }
        if (delta.getChangesCount() > 0) {
            change(name, delta.getChangesList());
        }
        if (delta.getDetached()) {
            nodes.keySet().removeIf(known -> known.equals(name) || known.startsWith(name + "."));
        }
    }

    private void change(String name, List<Change> changes) {
        StateHash.Digested node = nodes.get(name);
        if (node == null) {
            throw new InvalidValueException(name, "no such component");
        }
        for (Change change : changes) {
            Edit.apply(node.component.vars(), change);
            node.forget(change.getVar());
        }
    }

    /** Keeps memory bounded: the newest ended runs of each work, and none of works that are gone. */
    private void forgetRuns() {
        runs.values().removeIf(run -> !nodes.containsKey(run.getWork()));
        Map<String, Integer> kept = new HashMap<>();
        runs.values().stream()
                .filter(run -> run.getStatusValue() >= RunStatus.RUN_STATUS_SUCCEEDED_VALUE)
                .sorted(NEWEST_FIRST)
                .toList()
                .forEach(run -> {
                    if (kept.merge(run.getWork(), 1, Integer::sum) > KEPT_RUNS) {
                        runs.remove(run.getRunId());
                    }
                });
    }
}
