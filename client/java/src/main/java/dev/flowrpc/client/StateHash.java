package dev.flowrpc.client;

import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/** The hash of a state and the bytes that it is made of; {@code protos/README.md} lists them. */
final class StateHash {
    private static final int HEXADECIMAL = 16;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    private StateHash() {}

    /** The bytes of a value. */
    static byte[] bytes(Object value) {
        StateHash made = new StateHash();
        made.add(value);
        return made.out.toByteArray();
    }

    /** The hash of components, which are taken in the order of their names' UTF-8 bytes. */
    static String of(Collection<Digested> components) {
        MessageDigest whole = sha256();
        components.stream()
                .sorted((a, b) -> Arrays.compareUnsigned(utf8(a.component.name()), utf8(b.component.name())))
                .forEach(each -> whole.update(each.digest()));
        return HexFormat.of().formatHex(whole.digest());
    }

    private void add(Object value) {
        if (value == null) {
            out.write('n');
        } else if (value instanceof Boolean flag) {
            out.write(flag ? 't' : 'f');
        } else if (value instanceof Long number) {
            text("i" + Long.toString(number, HEXADECIMAL) + ";");
        } else if (value instanceof BigInteger number) {
            text("i" + number.toString(HEXADECIMAL) + ";");
        } else if (value instanceof Double number) {
            out.write('r');
            out.writeBytes(ByteBuffer.allocate(Double.BYTES).putDouble(number).array());
        } else if (value instanceof String text) {
            byte[] content = utf8(text);
            text("s" + content.length + ":");
            out.writeBytes(content);
        } else if (value instanceof List<?> items) {
            text("l" + items.size() + ":");
            items.forEach(this::add);
        } else if (value instanceof Map<?, ?> entries) {
            text("d" + entries.size() + ":");
            entries.forEach((key, item) -> {
                add(key);
                add(item);
            });
        } else if (value instanceof Extension extension) {
            out.write('x');
            add(extension.typeName());
            add(extension.content());
        } else {
            throw new IllegalArgumentException("only values are hashed, not a " + value.getClass().getName());
        }
    }

    private void text(String ascii) {
        out.writeBytes(ascii.getBytes(StandardCharsets.US_ASCII));
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException impossible) { // every Java platform has it
            throw new IllegalStateException(impossible);
        }
    }

    /** A component that remembers the hashes of what did not change, so that a change costs hashing one var. */
    static final class Digested {
        final Component component;
        private final Map<String, byte[]> vars = new HashMap<>();
        private byte[] whole;

        Digested(Component component) {
            this.component = component;
        }

        void forget(String name) {
            whole = null;
            vars.remove(name);
        }

        private byte[] digest() {
            if (whole == null) {
                MessageDigest made = sha256();
                made.update(bytes(head()));
                component.vars().forEach((name, value) -> made.update(vars.computeIfAbsent(name, any -> hash(name, value))));
                whole = made.digest();
            }
            return whole;
        }

        private static byte[] hash(String name, Object value) {
            MessageDigest made = sha256();
            made.update(bytes(name));
            made.update(bytes(value));
            return made.digest();
        }

        private List<Object> head() {
            Component.Recipe recipe = component.recipe();
            List<Object> built = recipe == null ? null : List.of(recipe.type(), recipe.args(), recipe.kwargs());
            return Arrays.asList(component.name(), component.kind(), component.type(), built);
        }
    }
}
