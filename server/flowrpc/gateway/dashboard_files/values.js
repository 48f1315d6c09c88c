// Values and times as texts.

class Digits {
  constructor(source) { this.source = source; }
}

/** Reads JSON without changing a number: each keeps the digits that it came with, where the browser tells them. */
export function readExactly(source) {
  return JSON.parse(source, (_, value, context) =>
    typeof value === "number" && context?.source !== undefined ? new Digits(context.source) : value);
}

/** Writes what `readExactly` read; large ints, which the app writes as texts, get their digits back. */
export function written(value, indent = "") {
  if (value instanceof Digits) return value.source;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    if (!value.length) return "[]";
    return `[\n${value.map((item) => inner + written(item, inner)).join(",\n")}\n${indent}]`;
  }
  if (value.$flowrpc === "int" && typeof value.value === "string") return value.value;
  const entries = Object.entries(value);
  if (!entries.length) return "{}";
  const lines = entries.map(([key, item]) => `${inner}${JSON.stringify(key)}: ${written(item, inner)}`);
  return `{\n${lines.join(",\n")}\n${indent}}`;
}

export function isJson(source) {
  try {
    JSON.parse(source);
    return true;
  } catch {
    return false;
  }
}

export function clock(iso) {
  return iso ? new Date(iso).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" }) : "–";
}

export function moment(iso) {
  return iso ? new Date(iso).toLocaleString() : "–";
}

/** A moment in short: of today the time is enough. */
export function sinceWhen(iso) {
  const then = new Date(iso);
  return then.toDateString() === new Date().toDateString() ? then.toLocaleTimeString() : then.toLocaleString();
}

export function duration(seconds) {
  if (seconds === null || !Number.isFinite(seconds)) return "–";
  if (seconds < 1) return `${Math.max(0, Math.round(seconds * 1000))} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** How long a run took, or has been taking. */
export function durationOf(run) {
  if (!run.started_at) return null;
  return ((run.ended_at ? Date.parse(run.ended_at) : Date.now()) - Date.parse(run.started_at)) / 1000;
}

export function count(number) {
  return number >= 100 ? Math.round(number).toLocaleString() : number.toFixed(number >= 10 || number === 0 ? 0 : 1);
}

/** A number of things, in words: `1 record`, `1,006 records`. */
export function numbered(number, thing) {
  return `${number.toLocaleString()} ${thing}${number === 1 ? "" : "s"}`;
}

/** An address that may be shown in a frame: of the app itself, or of the web; nothing that would run as a script. */
export function safeAddress(target) {
  try {
    const url = new URL(target, location.origin);
    return ["http:", "https:"].includes(url.protocol) ? url.href : "";
  } catch {
    return "";
  }
}
