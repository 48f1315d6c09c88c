import { randomBytes } from "node:crypto";

/**
 * Makes a UUIDv7 (RFC 9562, 5.7): what makes a repeated request the same request. Its time lets the app refuse ids that
 * are older than its memory.
 */
export function newRequestId(): string {
  const id = randomBytes(16);
  id.writeUIntBE(Date.now(), 0, 6);
  id.writeUInt8((id.readUInt8(6) & 0x0f) | 0x70, 6);
  id.writeUInt8((id.readUInt8(8) & 0x3f) | 0x80, 8);
  return id.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
