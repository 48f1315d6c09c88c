import { createHash } from "node:crypto";

import { Extension, type Value } from "./value.js";

/** Returns the bytes that the hash of values is made of, one after the other; `protos/README.md` lists them. */
export function hashed(...values: Value[]): Buffer {
  const bytes = new Bytes();
  for (const value of values) {
    write(bytes, value);
  }
  return bytes.whole();
}

/** SHA-256 of what comes one after the other. */
export function digest(...contents: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const content of contents) {
    hash.update(content);
  }
  return hash.digest();
}

function write(bytes: Bytes, value: Value): void {
  if (value === null) {
    bytes.text("n");
  } else if (typeof value === "boolean") {
    bytes.text(value ? "t" : "f");
  } else if (typeof value === "bigint") {
    bytes.text(`i${value.toString(16)};`);
  } else if (typeof value === "number") {
    bytes.text("r");
    bytes.double(value);
  } else if (typeof value === "string") {
    bytes.text(`s${Buffer.byteLength(value)}:${value}`);
  } else if (Array.isArray(value)) {
    bytes.text(`l${value.length}:`);
    value.forEach((item) => write(bytes, item));
  } else if (value instanceof Extension) {
    bytes.text("x");
    write(bytes, value.typeName);
    write(bytes, value.content);
  } else {
    bytes.text(`d${value.size}:`);
    value.forEach((item, key) => {
      write(bytes, key);
      write(bytes, item);
    });
  }
}

/** Bytes that grow: text is gathered, so that small values cost no buffer each. */
class Bytes {
  readonly #parts: Buffer[] = [];
  #text = "";

  text(text: string): void {
    this.#text += text;
  }

  double(value: number): void {
    const part = Buffer.allocUnsafe(8);
    part.writeDoubleBE(value);
    this.#parts.push(Buffer.from(this.#text), part);
    this.#text = "";
  }

  whole(): Buffer {
    return Buffer.concat([...this.#parts, Buffer.from(this.#text)]);
  }
}
