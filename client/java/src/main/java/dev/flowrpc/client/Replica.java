package dev.flowrpc.client;

import dev.flowrpc.v1.WatchStateResponse;
import io.grpc.Context;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * Follows a component and everything below it. A watch that breaks is begun again where it was, after a pause; the hashes
 * that the app tells are compared, and a replica that differs begins anew. May be used by several threads.
 */
public final class Replica implements AutoCloseable {
    /** After how many states in a row whose hash is not the app's it gives up. */
    private static final int DISTRUSTED = 3;

    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(2);

    private final FlowClient client;
    private final String component;
    private final CountDownLatch closed = new CountDownLatch(1);
    private final Context.CancellableContext calls = Context.ROOT.withCancellation();
    private final Thread thread;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Fold fold = new Fold();
    private int mismatches;
    private FlowRpcException end;
    private boolean told; // whether the newest watch told anything; only for the thread

    Replica(FlowClient client, String component) {
        this.client = client;
        this.component = component;
        thread = new Thread(this::follow, "flowrpc-replica-" + component);
        thread.setDaemon(true);
        thread.start();
    }

    /** Looks at a replica without copying; it is valid while the predicate runs that it is given to. */
    public final class View {
        private View() {}

        /** The revision that the replica is at. */
        public long revision() {
            return fold.revision();
        }

        /** A var of a component, which must not be changed; null if it is not there. */
        public Object var(String of, String name) {
            StateHash.Digested node = fold.state().nodes.get(of);
            return node == null ? null : node.component.vars().get(name);
        }
    }

    /** The revision that the replica is at; 0 before the first snapshot. */
    public long revision() {
        return locked(fold::revision);
    }

    /** How often the replica was found to differ from the app's state. */
    public int mismatches() {
        return locked(() -> mismatches);
    }

    /** Hashes the replica: equal to the app's, asked for at the same revision. */
    public String stateHash() {
        return locked(() -> fold.state().hash());
    }

    /** A copy of the state; without components before the first snapshot. */
    public State state() {
        return locked(() -> fold.state().copy(fold.journal(), fold.revision()));
    }

    /** A copy of the vars of a component; null if it is not there. */
    public Map<String, Object> vars(String of) {
        return locked(() -> {
            StateHash.Digested node = fold.state().nodes.get(of);
            return node == null ? null : Values.copyEntries(node.component.vars());
        });
    }

    /**
     * Waits until something holds of the replica; it is asked after each message of the app.
     *
     * @throws TimeoutException if it did not hold in time
     * @throws FlowRpcException why the replica follows no more
     */
    public void await(Predicate<View> holds, Duration longest) throws InterruptedException, TimeoutException {
        long left = longest.toNanos();
        lock.lockInterruptibly();
        try {
            View view = new View();
            while (!(fold.ready() && holds.test(view))) {
                if (end != null) {
                    throw end;
                } else if (left <= 0) {
                    throw new TimeoutException("up to revision %d it did not hold".formatted(fold.revision()));
                }
                left = changed.awaitNanos(left);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Waits until the replica has seen a revision, such as that of an {@link Answer}. See {@link #await}. */
    public void awaitRevision(long revision, Duration longest) throws InterruptedException, TimeoutException {
        await(view -> view.revision() >= revision, longest);
    }

    /** Ends the watch. */
    @Override
    public void close() {
        closed.countDown();
        calls.cancel(null);
        try {
            thread.join();
        } catch (InterruptedException interrupted) { // the thread ends by itself
            Thread.currentThread().interrupt();
        }
    }

    private void follow() {
        FlowRpcException why = new WatchEndedException("the replica failed; its thread's error tells why");
        try {
            why = watchAgain();
        } catch (InterruptedException never) { // nobody has this thread
            Thread.currentThread().interrupt();
        } finally { // who waits must hear of a bug of ours too
            finish(why);
        }
    }

    /** Watches again and again, and returns why that is over. */
    private FlowRpcException watchAgain() throws InterruptedException {
        Pauses pauses = new Pauses(LONGEST_PAUSE);
        int wrong = 0;
        while (true) {
            told = false;
            FlowRpcException error = watch();
            if (told) {
                pauses = new Pauses(LONGEST_PAUSE);
            }
            if (error instanceof MismatchException) {
                wrong++;
            } else if (told) {
                wrong = 0;
            }
            if (!again(error) || wrong >= DISTRUSTED) {
                return error;
            } else if (closed.await(pauses.next().toNanos(), TimeUnit.NANOSECONDS)) {
                return new WatchEndedException("the replica was closed");
            } else if (client.closed()) {
                return new WatchEndedException("the client was closed");
            }
            client.reconnect();
        }
    }

    /** Whether another watch may go better. */
    private static boolean again(FlowRpcException error) {
        return error == null
                || error instanceof MismatchException
                || error instanceof CallException call && call.unreachable();
    }

    /** Reads one watch to its end, and returns why it ended; null if it is to be resumed. */
    private FlowRpcException watch() {
        Context.CancellableContext one = calls.withCancellation();
        Context before = one.attach();
        try {
            Iterator<WatchStateResponse> messages =
                    client.flowService().watchState(locked(() -> fold.resume(component)));
            while (messages.hasNext()) {
                switch (take(messages.next())) {
                    case WATCH -> {
                        return null;
                    }
                    case NOTHING -> {
                        return new WatchEndedException("the watch ended: " + locked(fold::end));
                    }
                    default -> {}
                }
            }
            return null;
        } catch (StatusRuntimeException broken) {
            return CallException.of(broken);
        } catch (FlowRpcException refused) {
            return refused;
        } finally {
            one.detachAndCancel(before, null); // a watch that is not read to its end
        }
    }

    private Fold.Next take(WatchStateResponse message) {
        told = true;
        lock.lock();
        try {
            return fold.take(message);
        } catch (MismatchException different) {
            mismatches++;
            throw different;
        } finally {
            changed.signalAll();
            lock.unlock();
        }
    }

    private void finish(FlowRpcException why) {
        lock.lock();
        try {
            end = why;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private <T> T locked(Supplier<T> read) {
        lock.lock();
        try {
            return read.get();
        } finally {
            lock.unlock();
        }
    }
}
