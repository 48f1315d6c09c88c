// A command that streams: a line of JSON for each item, and a last one that says why it ended if it did not by itself.

import { Refused } from "./api.js";
import { readExactly } from "./values.js";

export const MOST_SHOWN = 1_000;

/** Tells each item as it comes; returns what the last line says, or nothing if the stream ended by itself. */
export async function readItems(path, body, onItem, signal) {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", body, signal, credentials: "same-origin", headers: { "content-type": "application/json" } });
  } catch (error) {
    if (signal.aborted) return { stopped: true };
    throw new Refused(0, { detail: "the app does not answer; it may be starting again" });
  }
  if (!answer.ok) throw new Refused(answer.status, await answer.json().catch(() => ({})));
  let last = {};
  try {
    for await (const line of lines(answer.body)) {
      const told = readExactly(line);
      if ("item" in told) onItem(told);
      else last = told;
    }
  } catch {
    return signal.aborted ? { stopped: true } : { refused: "the connection broke; what was sent before it happened" };
  }
  return last.detail ? { refused: last.detail } : last;
}

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let begun = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const parts = (begun + value).split("\n");
    begun = parts.pop();
    yield* parts.filter(Boolean);
  }
  if (begun) yield begun;
}
