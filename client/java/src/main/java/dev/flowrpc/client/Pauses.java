package dev.flowrpc.client;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** Pauses are longer each time, and different for each client: when an app comes back, they do not all return at once. */
final class Pauses {
    private static final Duration FIRST = Duration.ofMillis(50);

    private final long longest;
    private long bound = FIRST.toNanos();

    Pauses(Duration longest) {
        this.longest = longest.toNanos();
    }

    /** Returns between the half of a bound and the bound, which is doubled. */
    Duration next() {
        long pause = bound / 2 + ThreadLocalRandom.current().nextLong(bound / 2 + 1);
        bound = Math.min(2 * bound, longest);
        return Duration.ofNanos(pause);
    }
}
