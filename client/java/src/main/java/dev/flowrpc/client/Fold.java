package dev.flowrpc.client;

import dev.flowrpc.v1.Bookmark;
import dev.flowrpc.v1.Revision;
import dev.flowrpc.v1.Snapshot;
import dev.flowrpc.v1.WatchEnd;
import dev.flowrpc.v1.WatchEndReason;
import dev.flowrpc.v1.WatchStateRequest;
import dev.flowrpc.v1.WatchStateResponse;
import java.util.ArrayList;
import java.util.List;

/** A replica without a stream: it is told message by message. */
final class Fold {
    /** What a watch does after a message. */
    enum Next {
        /** It goes on. */
        MESSAGE,
        /** It ends, and is begun again when the app is served again. */
        WATCH,
        /** It ends with the app. */
        NOTHING,
    }

    private Tree state = new Tree();
    private long revision;
    private String journal = "";
    private boolean ready;
    private String end = "";

    private Tree snapshot; // of which not all parts are here
    private final List<Revision> partial = new ArrayList<>(); // of which not all parts are here

    Tree state() {
        return state;
    }

    long revision() {
        return revision;
    }

    String journal() {
        return journal;
    }

    /** Whether there is a state that is trusted. */
    boolean ready() {
        return ready;
    }

    /** What the app said when it ended. */
    String end() {
        return end;
    }

    /** Makes the request that goes on where the fold is, and drops what came in parts without an end. */
    WatchStateRequest resume(String component) {
        snapshot = null;
        partial.clear();
        WatchStateRequest.Builder request = WatchStateRequest.newBuilder().setComponent(component);
        if (ready) {
            request.setAfterRevision(revision).setJournalId(journal);
        }
        return request.build();
    }

    /**
     * Takes the next message of a watch.
     *
     * @throws InvalidValueException if it does not fit
     * @throws MismatchException if the state is not the app's; there is none then
     */
    Next take(WatchStateResponse message) {
        if (message.hasRevision()) {
            takeRevision(message.getRevision(), message.getMore());
            return Next.MESSAGE;
        }
        partial.clear(); // a snapshot takes its place
        switch (message.getUpdateCase()) {
            case SNAPSHOT -> takeSnapshot(message.getSnapshot());
            case BOOKMARK -> takeBookmark(message.getBookmark());
            case END -> {
                return takeEnd(message.getEnd());
            }
            default -> {} // a newer service may say what this version does not know
        }
        return Next.MESSAGE;
    }

    private void takeSnapshot(Snapshot part) {
        if (part.getFirst() || snapshot == null) {
            snapshot = new Tree();
            snapshot.setApp(part.hasApp() ? part.getApp() : null);
        }
        snapshot.add(part.getComponentsList());
        snapshot.addRuns(part.getRunsList());
        if (!part.getLast()) {
            return; // the old state stays until the last part is here
        }
        state = snapshot;
        snapshot = null;
        revision = part.getRevision();
        journal = part.getJournalId();
        ready = true;
        compare(part.getStateHash());
    }

    private void takeRevision(Revision part, boolean more) {
        String place = "revision " + part.getNumber();
        if (part.getNumber() < 1 || !part.hasTime()) {
            throw new InvalidValueException(place, "has no number or no time; set both");
        } else if (!partial.isEmpty() && partial.get(0).getNumber() != part.getNumber()) {
            throw new InvalidValueException(
                    place, "comes before the end of %d; watch again".formatted(partial.get(0).getNumber()));
        } else if (!ready || part.getNumber() <= revision) {
            throw new InvalidValueException(place, "does not follow %d; watch again".formatted(revision));
        }
        partial.add(part);
        if (more) {
            return;
        }
        Revision whole = joined(partial);
        partial.clear();
        ready = false; // if it is refused
        state.fold(whole);
        ready = true;
        revision = part.getNumber();
    }

    /** Adds up the lists of parts. */
    private static Revision joined(List<Revision> parts) {
        Revision.Builder whole = parts.get(0).toBuilder();
        for (Revision part : parts.subList(1, parts.size())) {
            whole.addAllDeltas(part.getDeltasList())
                    .addAllRuns(part.getRunsList())
                    .addAllForgottenRuns(part.getForgottenRunsList());
            if (!whole.hasApp() && part.hasApp()) {
                whole.setApp(part.getApp());
            }
        }
        return whole.build();
    }

    private void takeBookmark(Bookmark bookmark) {
        String place = "bookmark " + bookmark.getRevision();
        if (!ready || bookmark.getRevision() < revision) {
            throw new InvalidValueException(place, "is before %d; watch again".formatted(revision));
        } else if (!bookmark.getJournalId().equals(journal)) {
            throw new InvalidValueException(
                    place, "is of another journal, %s; watch again".formatted(bookmark.getJournalId()));
        }
        revision = bookmark.getRevision();
        compare(bookmark.getStateHash());
    }

    private Next takeEnd(WatchEnd told) {
        if (told.getReason() == WatchEndReason.WATCH_END_REASON_SERVICE_STOPPING) {
            return Next.WATCH;
        }
        end = told.getMessage();
        if (told.hasApp()) {
            state.setApp(told.getApp());
        }
        return Next.NOTHING;
    }

    private void compare(String told) {
        if (told.isEmpty()) {
            return;
        }
        String own = state.hash();
        if (!own.equals(told)) {
            ready = false;
            throw new MismatchException(revision, own, told);
        }
    }
}
