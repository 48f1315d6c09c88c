package dev.flowrpc.client;

import java.security.SecureRandom;
import java.util.UUID;

/** Ids of requests. */
public final class RequestIds {
    private static final SecureRandom RANDOM = new SecureRandom();

    private RequestIds() {}

    /**
     * Makes a UUIDv7 (RFC 9562, 5.7): what makes a repeated request the same request. Its time lets the app refuse ids that
     * are older than its memory.
     */
    public static String next() {
        long high = System.currentTimeMillis() << 16 | 0x7000 | RANDOM.nextInt(0x1000);
        long low = RANDOM.nextLong() & 0x3fff_ffff_ffff_ffffL | 0x8000_0000_0000_0000L;
        return new UUID(high, low).toString();
    }
}
