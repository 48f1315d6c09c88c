import assert from "node:assert/strict";
import { test } from "node:test";

import { Extension, fromMessage, toJson, toMessage, ValueError, type Input, type Value } from "@flowrpc/client";

const cyclic: Input[] = [];
cyclic.push(cyclic);

const refused: Record<string, [unknown, string]> = {
  "not a number": [NaN, "value"],
  "infinity in a list": [[0, -Infinity], "value[1]"],
  "undefined in an object": [{ a: { b: undefined } }, "value.a.b"],
  "a hole": [[1, , 2], "value[1]"],
  "half a surrogate pair": ["\ud83d", "value"],
  "a key that is no text": [new Map([[1, 1]]), "value"],
  "a key with half a surrogate pair": [{ "\udc00": 1 }, "value"],
  "a date": [{ at: new Date() }, "value.at"],
  bytes: [new Uint8Array(1), "value"],
  "a function": [() => 1, "value"],
  "a symbol": [Symbol("x"), "value"],
  "an object of a class": [new (class Point {})(), "value"],
  "an integer that is too long": [10n ** 4000n, "value"],
  "an extension without a name": [new Extension("", null), "value"],
};

for (const [name, [value, place]] of Object.entries(refused)) {
  test(`${name} is refused`, () => {
    assert.throws(
      () => toMessage(value as Input),
      (error) => error instanceof ValueError && error.place === place && error.message.startsWith(`${place}: `),
    );
  });
}

test("a cycle is refused", () => {
  assert.throws(() => toMessage(cyclic), /nest deeper than 30/);
});

test("plain objects and arrays become maps and lists", () => {
  const value = fromMessage(toMessage({ b: [1n, 1.5], a: new Map([["", null]]), "\u00e4": { __proto__: null } }));
  const wanted = new Map<string, Value>([
    ["b", [1n, 1.5]],
    ["a", new Map([["", null]])],
    ["\u00e4", new Map()],
  ]);
  assert.deepEqual(value, wanted);
});

test("a key called __proto__ is a key", () => {
  const value = fromMessage(toMessage(JSON.parse('{"__proto__": true}') as Input));
  assert.deepEqual(value, new Map([["__proto__", true]]));
});

test("an integer is never a double", () => {
  assert.equal(toMessage(3n).kind.case, "intValue");
  assert.equal(toMessage(3).kind.case, "doubleValue");
  assert.equal(fromMessage(toMessage(2n ** 53n + 1n)), 9007199254740993n);
});

test("JSON has all digits and the order of maps", () => {
  const value: Value = new Map<string, Value>([
    ["10", 2n ** 64n],
    ["9", [0.5, "\u{1f600}", null]],
    ["p", new Extension("p", true)],
  ]);
  assert.equal(toJson(value), '{"10":18446744073709551616,"9":[0.5,"\u{1f600}",null],"p":true}');
});
