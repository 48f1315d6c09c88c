import { Extension, type Value } from "@flowrpc/client";

const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/g;

/**
 * Reads the notation of the test vectors: `1` is an integer and `1.0` a double, which JSON.parse does not tell apart, and
 * maps keep their order.
 */
export function parseExact(text: string): Value {
  const tokens = text.matchAll(TOKEN);
  const next = (): string => tokens.next().value?.[0] ?? "";

  const read = (token: string): Value => {
    if (token === "[") {
      return [...readItems("]", (first) => read(first))];
    }
    if (token === "{") {
      return unmarked(new Map(readItems("}", readEntry)));
    }
    return /^-?\d+$/.test(token) ? BigInt(token) : (JSON.parse(token) as Value);
  };
  const readEntry = (key: string): [string, Value] => {
    next(); // the colon
    return [JSON.parse(key) as string, read(next())];
  };
  function* readItems<T>(end: string, readItem: (first: string) => T): Generator<T> {
    for (let token = next(); token !== end; token = next()) {
      yield readItem(token === "," ? next() : token);
    }
  }
  return read(next());
}

function unmarked(entries: Map<string, Value>): Value {
  const type = entries.get("$flowrpc");
  if (type === "int") {
    return BigInt(entries.get("value") as string);
  }
  if (typeof type === "string") {
    return new Extension(type, entries.get("value") ?? null);
  }
  return new Map(Array.from(entries, ([key, value]) => [key.replace(/^\$(\$+flowrpc)$/, "$1"), value]));
}
