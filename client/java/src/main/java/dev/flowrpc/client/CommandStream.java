package dev.flowrpc.client;

import dev.flowrpc.v1.FlowServiceGrpc.FlowServiceBlockingStub;
import dev.flowrpc.v1.StreamCommandRequest;
import dev.flowrpc.v1.StreamCommandResponse;
import io.grpc.Context;
import io.grpc.StatusRuntimeException;
import java.util.Iterator;
import java.util.NoSuchElementException;

/**
 * The items of a command that streams, as they come, each when what was done up to it is durable. Closing it closes the
 * command; one that is not read to its end has to be closed. One thread reads it, any may close it.
 *
 * <pre>{@code
 * try (CommandStream rows = client.stream("rows", Map.of("start", 1))) {
 *     while (rows.hasNext()) {
 *         System.out.println(rows.next());
 *     }
 * }
 * }</pre>
 */
public final class CommandStream implements Iterator<Object>, AutoCloseable {
    private final String command;
    private final Context.CancellableContext call = Context.current().withCancellation();
    private final Iterator<StreamCommandResponse> messages;
    private StreamCommandResponse next; // null: it is not known yet
    private Object item;
    private long revision;
    private volatile boolean closed;

    CommandStream(FlowServiceBlockingStub stub, StreamCommandRequest request) {
        command = request.getCommand();
        Context before = call.attach();
        try {
            messages = stub.streamCommand(request);
        } finally {
            call.detach(before);
        }
    }

    /**
     * Waits until there is another item, or the end.
     *
     * @throws CommandFailedException if the command raised, after its last item; what it did after that item was undone
     * @throws CallException if the command was refused, or the connection broke: nobody asks again
     */
    @Override
    public boolean hasNext() {
        if (next == null && !closed) {
            next = read();
        }
        return next != null && !closed;
    }

    /** Waits for the next item, a value, see {@link Values}. It throws what {@link #hasNext} does. */
    @Override
    public Object next() {
        if (!hasNext()) {
            throw new NoSuchElementException("the stream of " + command + " has ended");
        }
        revision = next.getRevision();
        next = null;
        return item;
    }

    /** The revision that holds what was done up to the item that {@link #next} returned last; 0 before the first. */
    public long revision() {
        return revision;
    }

    /** Ends the stream, also for a thread that waits for an item. */
    @Override
    public void close() {
        closed = true;
        call.cancel(null);
    }

    /** Reads a message with an item; null at the end. */
    private StreamCommandResponse read() {
        StreamCommandResponse message = null;
        try {
            if (messages.hasNext()) {
                StreamCommandResponse received = messages.next();
                if (received.hasFailure()) {
                    throw new CommandFailedException(command, Failure.of(received.getFailure()), received.getRevision());
                }
                item = Values.fromMessage(received.getItem());
                message = received;
            }
        } catch (StatusRuntimeException broken) {
            if (!closed) {
                throw CallException.of(broken);
            }
        } finally {
            if (message == null) {
                close();
            }
        }
        return message;
    }
}
