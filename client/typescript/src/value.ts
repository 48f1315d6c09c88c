/**
 * What state, arguments and results are made of. A `bigint` is an integer of any size and a `number` a double, whether or
 * not it has a fraction; a `Map` keeps its order.
 */
export type Value = null | boolean | bigint | number | string | Value[] | Map<string, Value> | Extension;

/** What may be given for a value: plain objects too, whose keys come in their order. */
export type Input =
  | null
  | boolean
  | bigint
  | number
  | string
  | Extension
  | readonly Input[]
  | ReadonlyMap<string, Input>
  | { readonly [key: string]: Input };

/** A value of a named type that JSON has not, such as a reference to a file. It is kept as it is. */
export class Extension {
  constructor(
    readonly typeName: string,
    readonly content: Value,
  ) {}
}

/** How deep containers nest at most. */
export const MAX_DEPTH = 30;
/** How many digits an integer has at most. */
export const MAX_DIGITS = 4000;
export const TYPE_NAME = /^[a-z][a-z0-9_]{0,62}$/;

/** Whether an integer has 64 bits. */
export function fits64Bits(value: bigint): boolean {
  return BigInt.asIntN(64, value) === value;
}

/** Copies a value so deeply that changes of one never reach the other. */
export function copy(value: Value): Value {
  if (Array.isArray(value)) {
    return value.map(copy);
  }
  if (value instanceof Map) {
    return copyEntries(value);
  }
  return value instanceof Extension ? new Extension(value.typeName, copy(value.content)) : value;
}

/** Copies the entries of a map, as `copy`. */
export function copyEntries(entries: ReadonlyMap<string, Value>): Map<string, Value> {
  return new Map(Array.from(entries, ([key, value]) => [key, copy(value)]));
}

/** Writes a value as JSON, for people: integers with all their digits, maps in their order, of extensions the content. */
export function toJson(value: Value): string {
  if (typeof value === "bigint") {
    return value.toString();
  }
  if (Array.isArray(value)) {
    return `[${value.map(toJson).join(",")}]`;
  }
  if (value instanceof Map) {
    return `{${Array.from(value, ([key, item]) => `${JSON.stringify(key)}:${toJson(item)}`).join(",")}}`;
  }
  return value instanceof Extension ? toJson(value.content) : JSON.stringify(value);
}
