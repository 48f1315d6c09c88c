import { setTimeout as delay } from "node:timers/promises";

/** Pauses that are longer each time, and different for each client: when a service comes back, they do not all return at once. */
export class Pauses {
  #bound = 50;

  constructor(readonly longestMs: number) {}

  /** Returns the next, in milliseconds. */
  next(): number {
    const pause = this.#bound / 2 + (Math.random() * this.#bound) / 2;
    this.#bound = Math.min(2 * this.#bound, this.longestMs);
    return pause;
  }
}

/** Waits, and tells whether nobody aborted that. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<boolean> {
  try {
    await delay(milliseconds, undefined, signal && { signal });
    return true;
  } catch {
    return false;
  }
}
