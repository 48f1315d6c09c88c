package dev.flowrpc.client;

/** Something is no value, or a message of the app does not fit the state; {@link #place()} says where. */
public final class InvalidValueException extends FlowRpcException {
    private static final long serialVersionUID = 1;

    private final String place;
    private final String problem;

    InvalidValueException(String place, String problem) {
        super(place + ": " + problem, null);
        this.place = place;
        this.problem = problem;
    }

    /** Where it is, such as {@code arguments.names[3]}. */
    public String place() {
        return place;
    }

    /** What is wrong, and what to do. */
    public String problem() {
        return problem;
    }
}
