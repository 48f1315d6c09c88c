package dev.flowrpc.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class ValuesTest {
    @TestFactory
    Stream<DynamicTest> whatIsNoValueIsRefused() {
        List<Object> cyclic = new ArrayList<>();
        cyclic.add(cyclic);
        Object[][] refused = {
            {"NaN", Double.NaN},
            {"infinity", Float.NEGATIVE_INFINITY},
            {"an object", new Object()},
            {"a decimal", BigDecimal.ONE},
            {"bytes", new byte[] {1}},
            {"a lone surrogate", "a\ud83d"},
            {"a key with a lone surrogate", Map.of("\ude00", 1)},
            {"keys that are no text", Map.of(1, 1)},
            {"a cycle", cyclic},
            {"too large an int", BigInteger.TEN.pow(4000)},
            {"an extension without a name", new Extension(null, 1)},
            {"an extension of another name", new Extension("A", 1)},
        };
        return Stream.of(refused).map(each -> DynamicTest.dynamicTest((String) each[0], () -> assertThrows(
                InvalidValueException.class, () -> Values.toMessage(each[1]))));
    }

    @Test
    void javaTypesBecomeValues() {
        Object[][] pairs = {
            {BigInteger.TWO.pow(64), BigInteger.TWO.pow(64)},
            {BigInteger.ONE, 1L},
            {(byte) -3, -3L},
            {(short) 3, 3L},
            {0.5f, 0.5},
            {new StringBuilder("a"), "a"},
            {new int[] {1, 2}, List.of(1L, 2L)},
            {new String[] {"a"}, List.of("a")},
            {BigInteger.TEN.pow(4000).subtract(BigInteger.ONE), BigInteger.TEN.pow(4000).subtract(BigInteger.ONE)},
        };
        for (Object[] pair : pairs) {
            VectorsTest.assertSame(pair[1], Values.fromMessage(Values.toMessage(pair[0])));
        }
    }

    @Test
    void aRefusalNamesThePlace() {
        Object value = Map.of("names", List.of("a", Map.of("b", Double.NaN)));
        var refused = assertThrows(InvalidValueException.class, () -> Values.toMessage(value));
        assertEquals("value.names[1].b", refused.place());
    }
}
