package dev.flowrpc.client;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The exact notation of {@code tests/contract/vectors}, whose README tells it. */
final class ExactJson {
    private static final String MARK = "$flowrpc";

    private ExactJson() {}

    static JsonObject vectors(String file) throws IOException {
        return JsonParser.parseString(Files.readString(Path.of("../../tests/contract/vectors", file))).getAsJsonObject();
    }

    static byte[] bytes(JsonElement base64) {
        return Base64.getDecoder().decode(base64.getAsString());
    }

    static Object value(JsonElement written) {
        if (written.isJsonNull()) {
            return null;
        } else if (written.isJsonArray()) {
            List<Object> items = new ArrayList<>();
            written.getAsJsonArray().forEach(item -> items.add(value(item)));
            return items;
        } else if (written.isJsonObject()) {
            return object(written.getAsJsonObject());
        }
        var scalar = written.getAsJsonPrimitive();
        if (scalar.isBoolean()) {
            return scalar.getAsBoolean();
        }
        return scalar.isString() ? scalar.getAsString() : number(scalar.getAsString());
    }

    private static Object number(String text) {
        return text.matches("-?\\d+") ? integer(text) : (Object) Double.parseDouble(text);
    }

    private static Object integer(String text) {
        BigInteger number = new BigInteger(text);
        return number.bitLength() <= 63 ? (Object) number.longValueExact() : number;
    }

    private static Object object(JsonObject written) {
        if (written.has(MARK)) {
            String type = written.get(MARK).getAsString();
            Object content = value(written.get("value"));
            return type.equals("int") ? integer((String) content) : new Extension(type, content);
        }
        Map<String, Object> entries = new LinkedHashMap<>();
        written.entrySet().forEach(entry -> {
            String key = entry.getKey();
            entries.put(key.matches("\\$+flowrpc") ? key.substring(1) : key, value(entry.getValue()));
        });
        return entries;
    }
}
