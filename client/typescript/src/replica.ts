import type { Client as Stub } from "@connectrpc/connect";

import { CallError, FlowrpcError, MismatchError, ServiceStoppingError } from "./errors.js";
import { Fold } from "./fold.js";
import type { AppStatus } from "./gen/flowrpc/v1/app_pb.js";
import type { FlowService } from "./gen/flowrpc/v1/flow_service_pb.js";
import type { Run } from "./gen/flowrpc/v1/run_pb.js";
import { linkedSignal } from "./linked-signal.js";
import { Pauses, pause } from "./pauses.js";
import type { Component } from "./tree.js";
import { copyEntries, type Value } from "./value.js";

/** After how many states in a row whose hash is not the app's a replica gives up. */
const DISTRUSTED = 3;
const LONGEST_PAUSE_MS = 2_000;

/** A component and everything below it, at one revision. */
export interface State {
  readonly journalId: string;
  readonly revision: bigint;
  /** Parents before children, siblings in order of attachment; empty before the first snapshot. */
  readonly components: Component[];
  /** Newest first: of each work its unfinished runs, and its newest ended ones up to 20. */
  readonly runs: Run[];
  /** The app's status, if it was told. */
  readonly app: AppStatus | undefined;
}

/** Looks at a replica without copying. What it returns must not be changed, and does not stay as it is. */
export interface View {
  readonly revision: bigint;
  /** A var of a component; undefined if there is none. */
  var(component: string, name: string): Value | undefined;
}

/** How long to wait. */
export interface WaitOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Follows a component and everything below it. A watch that breaks is begun again where it was, after a pause; the hashes
 * that the app tells are compared, and a replica that differs begins anew.
 */
export class Replica implements Disposable {
  readonly #service: Stub<typeof FlowService>;
  readonly #component: string;
  readonly #fold = new Fold();
  readonly #closing = new AbortController();
  readonly #waiting = new Set<() => void>();
  readonly #view: View = {
    revision: 0n,
    var: (component, name) => this.#fold.state.get(component)?.vars.get(name),
  };
  #mismatches = 0;
  #error: unknown;

  /** @internal */
  constructor(service: Stub<typeof FlowService>, component: string, signal?: AbortSignal) {
    this.#service = service;
    this.#component = component;
    Object.defineProperty(this.#view, "revision", { get: () => this.#fold.revision });
    linkedSignal(signal, this.#closing);
    void this.#follow();
  }

  /** Ends the watch. What was seen stays. */
  close(): void {
    this.#closing.abort(new FlowrpcError("the replica is closed"));
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The revision that the replica is at; 0 before the first snapshot. */
  get revision(): bigint {
    return this.#fold.revision;
  }

  /** How often the replica was found to differ from the app's state. */
  get mismatches(): number {
    return this.#mismatches;
  }

  /** Hashes the replica: equal to the app's, asked for at the same revision. */
  stateHash(): string {
    return this.#fold.state.stateHash();
  }

  /** Copies the state. */
  state(): State {
    const { journalId, revision, state } = this.#fold;
    return { journalId, revision, components: state.components(), runs: state.runs(), app: state.app };
  }

  /** Copies the vars of a component; undefined if it is not there. */
  vars(component: string): Map<string, Value> | undefined {
    const known = this.#fold.state.get(component);
    return known && copyEntries(known.vars);
  }

  /**
   * Waits until something holds of the replica; it is asked after each message of the app.
   *
   * @throws The reason of the signal, a `TimeoutError`, or why the replica follows no more.
   */
  wait(holds: (view: View) => boolean, { timeoutMs, signal }: WaitOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (done: () => void) => {
        this.#waiting.delete(check);
        signal?.removeEventListener("abort", aborted);
        clearTimeout(timer);
        done();
      };
      const aborted = () => settle(() => reject(signal?.reason));
      const late = () => {
        const text = `up to revision ${this.revision} it did not hold`;
        settle(() => reject(new DOMException(text, "TimeoutError")));
      };
      const check = () => {
        try {
          if (this.#fold.ready && holds(this.#view)) {
            settle(resolve);
          } else if (this.#error !== undefined) {
            settle(() => reject(this.#error));
          }
        } catch (error) {
          settle(() => reject(error));
        }
      };
      const timer = timeoutMs === undefined ? undefined : setTimeout(late, timeoutMs);
      signal?.addEventListener("abort", aborted);
      this.#waiting.add(check);
      if (signal?.aborted) {
        aborted();
      } else {
        check();
      }
    });
  }

  /** Waits until the replica has seen a revision, such as that of an `Answer`. */
  waitFor(revision: bigint, options: WaitOptions = {}): Promise<void> {
    return this.wait((view) => view.revision >= revision, options);
  }

  /** Yields the revision that the replica is at, and again when it changed; who is slow sees only the newest. */
  async *revisions(options: WaitOptions = {}): AsyncGenerator<bigint, never> {
    for (let seen = 0n; ;) {
      await this.wait((view) => view.revision !== seen, options);
      seen = this.revision;
      yield seen;
    }
  }

  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    let pauses = new Pauses(LONGEST_PAUSE_MS);
    for (let wrong = 0; ;) {
      const { told, error } = await this.#read();
      if (told) {
        pauses = new Pauses(LONGEST_PAUSE_MS);
      }
      if (error instanceof MismatchError) {
        wrong++;
        this.#mismatches++;
      } else if (told) {
        wrong = 0;
      }
      const again = isPassing(error) && wrong < DISTRUSTED && !signal.aborted;
      if (!again || !(await pause(pauses.next(), signal))) {
        this.#error = signal.aborted ? signal.reason : error;
        this.#tell();
        return;
      }
    }
  }

  /** Reads one watch to its end; returns whether it told anything, and the error that ended it. */
  async #read(): Promise<{ told: boolean; error: unknown }> {
    const left = new AbortController(); // leaving the loop over a stream of Connect does not end the stream
    const signal = linkedSignal(this.#closing.signal, left);
    let told = false;
    try {
      for await (const message of this.#service.watchState(this.#fold.resume(this.#component), { signal })) {
        this.#fold.take(message);
        told = true;
        if (this.#fold.end !== undefined) {
          throw new FlowrpcError(`the watch ended: ${this.#fold.end.message}`);
        }
        this.#tell();
      }
      return { told, error: undefined };
    } catch (error) {
      this.#tell();
      return { told, error };
    } finally {
      left.abort();
    }
  }

  #tell(): void {
    for (const check of [...this.#waiting]) {
      check();
    }
  }
}

/** Whether another watch may go better. */
function isPassing(error: unknown): boolean {
  return (
    error === undefined ||
    error instanceof ServiceStoppingError ||
    error instanceof MismatchError ||
    (error instanceof CallError && error.notReachable)
  );
}
