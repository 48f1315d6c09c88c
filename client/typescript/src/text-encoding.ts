import { configureTextEncoding, getTextEncoding } from "@bufbuild/protobuf/wire";

// Protobuf-ES reads text with a decoder that drops a byte order mark at its beginning: the text would be another, and the
// hash of a state with it. It has one decoder for the whole program, which is replaced here by one that drops nothing.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const strictDecoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

configureTextEncoding({
  ...getTextEncoding(),
  decodeUtf8: (bytes: Uint8Array, strict?: boolean) => (strict ? strictDecoder : decoder).decode(bytes),
});
