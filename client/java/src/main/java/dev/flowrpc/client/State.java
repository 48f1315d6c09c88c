package dev.flowrpc.client;

import dev.flowrpc.v1.AppStatus;
import dev.flowrpc.v1.Run;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A component and everything below it, at one revision.
 *
 * @param journalId the journal that the revision counts in
 * @param revision the revision
 * @param components parents before children, siblings in order of attachment
 * @param runs newest first: of each work its unfinished runs, and its newest ended ones up to 20
 * @param app the app's status, if it was told
 */
public record State(
        String journalId, long revision, List<Component> components, List<Run> runs, Optional<AppStatus> app) {
    /** The vars of a component; null if it is not there. */
    public Map<String, Object> vars(String component) {
        for (Component each : components) {
            if (each.name().equals(component)) {
                return each.vars();
            }
        }
        return null;
    }
}
