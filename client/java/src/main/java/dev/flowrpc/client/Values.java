package dev.flowrpc.client;

import com.google.protobuf.NullValue;
import dev.flowrpc.v1.ExtensionValue;
import dev.flowrpc.v1.ListValue;
import dev.flowrpc.v1.MapEntry;
import dev.flowrpc.v1.MapValue;
import dev.flowrpc.v1.Value;
import java.lang.reflect.Array;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Values as Java has them: null, {@link Boolean}, {@link Long}, {@link BigInteger} (beyond 64 bits only), {@link Double},
 * {@link String}, {@link List}, {@link Map} with its entries in order, and {@link Extension}.
 */
public final class Values {
    private static final int MAX_DEPTH = 30;
    private static final int MAX_DIGITS = 4000;
    private static final int INT64_BITS = 63;
    private static final BigInteger BIG_BOUND = BigInteger.TEN.pow(MAX_DIGITS);
    private static final Pattern BIG_INT = Pattern.compile("-?[1-9][0-9]*");
    private static final Pattern TYPE_NAME = Pattern.compile("[a-z][a-z0-9_]{0,62}");
    private static final Value NULL = Value.newBuilder().setNullValue(NullValue.NULL_VALUE).build();

    private Values() {}

    /**
     * Makes a message of a value. Besides what {@link #fromMessage} returns it takes every int and float type of Java, any
     * text, collections, and arrays but those of bytes.
     *
     * @throws InvalidValueException if it is no value
     */
    public static Value toMessage(Object value) {
        return encode(value, "value", 0);
    }

    /**
     * Reads a message.
     *
     * @throws InvalidValueException if it breaks the rules of {@code flowrpc.v1.Value}
     */
    public static Object fromMessage(Value message) {
        return decode(message, "value", 0);
    }

    static List<MapEntry> encodeEntries(Map<?, ?> entries, String place, int depth) {
        List<MapEntry> made = new ArrayList<>(entries.size());
        entries.forEach((key, value) -> {
            if (!(key instanceof String text)) {
                throw new InvalidValueException(place, "the key %s is no text".formatted(key));
            }
            String name = checked(text, place + ": a key");
            Value message = encode(value, place + "." + name, depth);
            made.add(MapEntry.newBuilder().setKey(name).setValue(message).build());
        });
        return made;
    }

    private static Value encode(Object value, String place, int depth) {
        Value.Builder made = Value.newBuilder();
        if (value == null) {
            return NULL;
        } else if (value instanceof Boolean flag) {
            return made.setBoolValue(flag).build();
        } else if (value instanceof Long || value instanceof Integer || value instanceof Short || value instanceof Byte) {
            return made.setIntValue(((Number) value).longValue()).build();
        } else if (value instanceof Double || value instanceof Float) {
            return made.setDoubleValue(finite(((Number) value).doubleValue(), place)).build();
        } else if (value instanceof BigInteger number) {
            return encodeBig(number, place);
        } else if (value instanceof CharSequence text) {
            return made.setStringValue(checked(text.toString(), place)).build();
        } else if (value instanceof Map<?, ?> entries) {
            enter(place, depth);
            List<MapEntry> messages = encodeEntries(entries, place, depth + 1);
            return made.setMapValue(MapValue.newBuilder().addAllEntries(messages)).build();
        } else if (value instanceof Collection<?> items) {
            return encodeList(items, place, depth);
        } else if (value instanceof Extension extension) {
            return encodeExtension(extension, place, depth);
        } else if (value instanceof byte[]) {
            throw new InvalidValueException(place, "bytes are no value; base64 carries them as text");
        } else if (value.getClass().isArray()) {
            List<Object> items = new ArrayList<>();
            for (int index = 0; index < Array.getLength(value); index++) {
                items.add(Array.get(value, index));
            }
            return encodeList(items, place, depth);
        }
        throw new InvalidValueException(
                place, "a %s is no value; write a map, a list or a scalar".formatted(value.getClass().getName()));
    }

    private static Value encodeBig(BigInteger number, String place) {
        if (number.bitLength() <= INT64_BITS) {
            return Value.newBuilder().setIntValue(number.longValue()).build();
        } else if (number.abs().compareTo(BIG_BOUND) >= 0) {
            throw new InvalidValueException(
                    place, "the int has more than %d digits; write a double or its text".formatted(MAX_DIGITS));
        }
        return Value.newBuilder().setBigIntValue(number.toString()).build();
    }

    private static Value encodeList(Collection<?> items, String place, int depth) {
        enter(place, depth);
        ListValue.Builder list = ListValue.newBuilder();
        for (Object item : items) {
            list.addValues(encode(item, "%s[%d]".formatted(place, list.getValuesCount()), depth + 1));
        }
        return Value.newBuilder().setListValue(list).build();
    }

    private static Value encodeExtension(Extension value, String place, int depth) {
        enter(place, depth);
        String name = typeName(value.typeName(), place);
        Value content = encode(value.content(), place + "." + name, depth + 1);
        ExtensionValue extension = ExtensionValue.newBuilder().setTypeName(name).setContent(content).build();
        return Value.newBuilder().setExtensionValue(extension).build();
    }

    static Object decode(Value message, String place, int depth) {
        return switch (message.getKindCase()) {
            case NULL_VALUE -> null;
            case BOOL_VALUE -> message.getBoolValue();
            case INT_VALUE -> message.getIntValue();
            case BIG_INT_VALUE -> decodeBig(message.getBigIntValue(), place);
            case DOUBLE_VALUE -> finite(message.getDoubleValue(), place);
            case STRING_VALUE -> message.getStringValue();
            case LIST_VALUE -> {
                enter(place, depth);
                yield decodeItems(message.getListValue().getValuesList(), place, depth + 1);
            }
            case MAP_VALUE -> {
                enter(place, depth);
                yield decodeEntries(message.getMapValue().getEntriesList(), place, depth + 1);
            }
            case EXTENSION_VALUE -> {
                enter(place, depth);
                ExtensionValue extension = message.getExtensionValue();
                String name = typeName(extension.getTypeName(), place);
                yield new Extension(name, decode(extension.getContent(), place + "." + name, depth + 1));
            }
            case KIND_NOT_SET -> throw new InvalidValueException(
                    place, "has no kind that this version knows; set one of Value.kind");
        };
    }

    private static BigInteger decodeBig(String text, String place) {
        int digits = text.startsWith("-") ? text.length() - 1 : text.length();
        if (digits > MAX_DIGITS || !BIG_INT.matcher(text).matches()) {
            throw new InvalidValueException(
                    place, "big_int_value is no canonical decimal of at most %d digits".formatted(MAX_DIGITS));
        }
        BigInteger number = new BigInteger(text);
        if (number.bitLength() <= INT64_BITS) {
            throw new InvalidValueException(place, "big_int_value %s fits 64 bits; send it as int_value".formatted(text));
        }
        return number;
    }

    static List<Object> decodeItems(List<Value> messages, String place, int depth) {
        List<Object> items = new ArrayList<>(messages.size());
        for (Value message : messages) {
            items.add(decode(message, "%s[%d]".formatted(place, items.size()), depth));
        }
        return items;
    }

    static Map<String, Object> decodeEntries(List<MapEntry> messages, String place, int depth) {
        Map<String, Object> entries = new LinkedHashMap<>();
        for (MapEntry message : messages) {
            String here = place + "." + message.getKey();
            if (entries.containsKey(message.getKey())) {
                throw new InvalidValueException(here, "comes twice; send each key once");
            }
            entries.put(message.getKey(), decode(message.getValue(), here, depth));
        }
        return entries;
    }

    /** Copies a value so deeply that changes of one never reach the other. */
    static Object copy(Object value) {
        if (value instanceof Map<?, ?> entries) {
            Map<Object, Object> copied = new LinkedHashMap<>();
            entries.forEach((key, item) -> copied.put(key, copy(item)));
            return copied;
        } else if (value instanceof List<?> items) {
            List<Object> copied = new ArrayList<>(items.size());
            items.forEach(item -> copied.add(copy(item)));
            return copied;
        } else if (value instanceof Extension extension) {
            return new Extension(extension.typeName(), copy(extension.content()));
        }
        return value; // the others never change
    }

    static Map<String, Object> copyEntries(Map<String, Object> entries) {
        Map<String, Object> copied = new LinkedHashMap<>();
        entries.forEach((key, value) -> copied.put(key, copy(value)));
        return copied;
    }

    static double finite(double number, String place) {
        if (!Double.isFinite(number)) {
            throw new InvalidValueException(place, number + " is no number that JSON can hold; use null or a text");
        }
        return number;
    }

    private static String typeName(String name, String place) {
        if (name == null || !TYPE_NAME.matcher(name).matches()) {
            throw new InvalidValueException(place, "%s is no name of a type".formatted(name));
        }
        return name;
    }

    private static String checked(String text, String place) {
        for (int index = 0; index < text.length(); index += Character.charCount(text.codePointAt(index))) {
            int point = text.codePointAt(index);
            if (point >= Character.MIN_SURROGATE && point <= Character.MAX_SURROGATE) {
                throw new InvalidValueException(place, "has a lone surrogate, which no UTF-8 can hold");
            }
        }
        return text;
    }

    private static void enter(String place, int depth) {
        if (depth >= MAX_DEPTH) {
            throw new InvalidValueException(
                    place, "containers nest deeper than %d; write a flatter value".formatted(MAX_DEPTH));
        }
    }
}
