import "./text-encoding.js";
import { ValueError } from "./errors.js";
import type { ExtensionValue, MapEntry, Value as Message } from "./gen/flowrpc/v1/value_pb.js";
import { Extension, fits64Bits, MAX_DEPTH, MAX_DIGITS, TYPE_NAME, type Value } from "./value.js";

const BIG_INT = /^-?[1-9][0-9]*$/;

/**
 * Reads a message.
 *
 * @throws {@link ValueError} It breaks a rule of `flowrpc.v1.Value`.
 */
export function decode(message: Message | undefined, place = "value", depth = 0): Value {
  const kind = message?.kind;
  switch (kind?.case) {
    case "nullValue":
      return null;
    case "boolValue":
    case "intValue":
    case "stringValue":
      return kind.value;
    case "bigIntValue":
      return decodeBigInt(kind.value, place);
    case "doubleValue":
      return decodeDouble(kind.value, place);
    case "listValue":
      enter(place, depth);
      return decodeItems(kind.value.values, place, depth + 1);
    case "mapValue":
      enter(place, depth);
      return decodeEntries(kind.value.entries, place, depth + 1);
    case "extensionValue":
      enter(place, depth);
      return decodeExtension(kind.value, place, depth + 1);
    default:
      throw new ValueError(place, "has no kind that this version knows; set one of Value.kind");
  }
}

export function decodeDouble(value: number, place: string): number {
  if (!Number.isFinite(value)) {
    throw new ValueError(place, `${value} is no number that state can hold`);
  }
  return value;
}

export function decodeItems(messages: readonly Message[], place: string, depth: number): Value[] {
  return messages.map((message, index) => decode(message, `${place}[${index}]`, depth));
}

export function decodeEntries(messages: readonly MapEntry[], place: string, depth: number): Map<string, Value> {
  const entries = new Map<string, Value>();
  for (const { key, value } of messages) {
    const here = `${place}.${key}`;
    if (entries.has(key)) {
      throw new ValueError(here, "comes twice; send each key once");
    }
    entries.set(key, decode(value, here, depth));
  }
  return entries;
}

function decodeBigInt(text: string, place: string): bigint {
  if (text.replace("-", "").length > MAX_DIGITS || !BIG_INT.test(text)) {
    throw new ValueError(place, `big_int_value is no canonical decimal of at most ${MAX_DIGITS} digits`);
  }
  const integer = BigInt(text);
  if (fits64Bits(integer)) {
    throw new ValueError(place, `big_int_value ${text} fits 64 bits; send it as int_value`);
  }
  return integer;
}

function decodeExtension(message: ExtensionValue, place: string, depth: number): Extension {
  if (!TYPE_NAME.test(message.typeName)) {
    throw new ValueError(place, `${JSON.stringify(message.typeName)} is no name of a type`);
  }
  return new Extension(message.typeName, decode(message.content, `${place}.${message.typeName}`, depth));
}

function enter(place: string, depth: number): void {
  if (depth >= MAX_DEPTH) {
    throw new ValueError(place, `containers nest deeper than ${MAX_DEPTH}; write a flatter value`);
  }
}
