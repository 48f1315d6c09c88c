import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { NullValue } from "@bufbuild/protobuf/wkt";

import { ValueError } from "./errors.js";
import { MapEntrySchema, ValueSchema, type MapEntry, type Value as Message } from "./gen/flowrpc/v1/value_pb.js";
import { Extension, fits64Bits, MAX_DEPTH, MAX_DIGITS, TYPE_NAME, type Input } from "./value.js";

const BIG_BOUND = 10n ** BigInt(MAX_DIGITS);

/**
 * Makes a message of a value.
 *
 * @throws {@link ValueError} It is none: a date, bytes, undefined, NaN, text with half a surrogate pair.
 */
export function encode(value: Input, place = "value", depth = 0): Message {
  return create(ValueSchema, { kind: kindOf(value, place, depth) });
}

/** Makes entries of a map or of a plain object. */
export function encodeEntries(value: Iterable<readonly [string, Input]>, place: string, depth: number): MapEntry[] {
  return Array.from(value, ([key, item]) => {
    if (typeof key !== "string" || !key.isWellFormed()) {
      throw new ValueError(place, `the key ${String(key)} is no text; keys are well-formed texts`);
    }
    return create(MapEntrySchema, { key, value: encode(item, `${place}.${key}`, depth) });
  });
}

type Kind = NonNullable<MessageInitShape<typeof ValueSchema>["kind"]>;

function kindOf(value: Input, place: string, depth: number): Kind {
  switch (typeof value) {
    case "boolean":
      return { case: "boolValue", value };
    case "bigint":
      return kindOfInteger(value, place);
    case "number":
      if (!Number.isFinite(value)) {
        throw new ValueError(place, `${value} is no number that JSON can hold; use null or a text`);
      }
      return { case: "doubleValue", value };
    case "string":
      if (!value.isWellFormed()) {
        throw new ValueError(place, "the text has half a surrogate pair; base64 carries bytes");
      }
      return { case: "stringValue", value };
    case "object":
      return value === null ? { case: "nullValue", value: NullValue.NULL_VALUE } : kindOfObject(value, place, depth);
    default:
      throw new ValueError(place, `${typeof value} is no value; use null, or leave it out`);
  }
}

function kindOfInteger(value: bigint, place: string): Kind {
  if (fits64Bits(value)) {
    return { case: "intValue", value };
  }
  if (value >= BIG_BOUND || value <= -BIG_BOUND) {
    throw new ValueError(place, `the integer has more than ${MAX_DIGITS} digits; write a number or its text`);
  }
  return { case: "bigIntValue", value: value.toString() };
}

function kindOfObject(value: object, place: string, depth: number): Kind {
  if (depth >= MAX_DEPTH) {
    throw new ValueError(place, `containers nest deeper than ${MAX_DEPTH}; write a flatter value`);
  }
  if (Array.isArray(value)) {
    // Array.from visits holes too, which are no values.
    const values = Array.from(value, (item: Input, index) => encode(item, `${place}[${index}]`, depth + 1));
    return { case: "listValue", value: { values } };
  }
  if (value instanceof Extension) {
    if (!TYPE_NAME.test(value.typeName)) {
      throw new ValueError(place, `${JSON.stringify(value.typeName)} is no name of a type`);
    }
    const content = encode(value.content, `${place}.${value.typeName}`, depth + 1);
    return { case: "extensionValue", value: { typeName: value.typeName, content } };
  }
  if (value instanceof Map || isPlain(value)) {
    const entries: Iterable<readonly [string, Input]> = value instanceof Map ? value : Object.entries(value);
    return { case: "mapValue", value: { entries: encodeEntries(entries, place, depth + 1) } };
  }
  throw new ValueError(
    place,
    `a ${value.constructor?.name} is no value; write a map, a list or a scalar${HINTS[value.constructor?.name] ?? ""}`,
  );
}

const HINTS: Readonly<Record<string, string>> = {
  Buffer: ", or base64 of the bytes",
  Date: ", such as its toISOString()",
  Uint8Array: ", or base64 of the bytes",
};

function isPlain(value: object): value is Record<string, Input> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
