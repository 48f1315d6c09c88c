import { createClient, type Client as Stub, type Transport } from "@connectrpc/connect";

import { Connection, Deadline } from "./connection.js";
import { CallError, CommandFailedError } from "./errors.js";
import { FlowService } from "./gen/flowrpc/v1/flow_service_pb.js";
import { linkedSignal } from "./linked-signal.js";
import { Pauses, pause } from "./pauses.js";
import { Replica, type State } from "./replica.js";
import { newRequestId } from "./request-id.js";
import { findTarget, type Options } from "./target.js";
import { Tree } from "./tree.js";
import { decode } from "./value-reading.js";
import { encodeEntries } from "./value-writing.js";
import type { Input, Value } from "./value.js";

/** What a command returned. */
export interface Answer {
  readonly result: Value;
  /** The revision that holds what the command did: a replica that is there has seen it. */
  readonly revision: bigint;
  /** Whether an earlier request of the same id was answered. */
  readonly replayed: boolean;
}

/** What one call may be told. */
export interface CallOptions {
  /** Id of the request, so that a repeat after a crash of the caller happens once; see `newRequestId`. */
  readonly requestId?: string;
  /** How long the call may take, all tries together; `Options.timeoutMs` without it. */
  readonly timeoutMs?: number;
  /** Gives the call up. The command may happen all the same. */
  readonly signal?: AbortSignal;
}

/** What a command that streams yielded. */
export interface Item {
  readonly value: Value;
  /** The revision that holds what the command did up to the item: a replica that is there has seen it. */
  readonly revision: bigint;
}

/** What one stream may be told. */
export interface StreamOptions {
  /** How long the whole stream may take; without it as long as it takes. */
  readonly timeoutMs?: number;
  /** Gives the stream up, also while an item is waited for. */
  readonly signal?: AbortSignal;
}

type Named = ReadonlyMap<string, Input> | { readonly [name: string]: Input };

/**
 * Finds the app and makes a client of it; nothing is sent before the first call.
 *
 * @throws {@link AppNotFoundError} No running app fits, or several do.
 */
export function connect(options: Options = {}): Client {
  return new Client(new Connection(findTarget(options), options));
}

/** Talks to one app. */
export class Client implements Disposable {
  readonly #connection: Connection;
  /** Calls what this class has no method for. */
  readonly flowService: Stub<typeof FlowService>;

  /** @internal */
  constructor(connection: Connection) {
    this.#connection = connection;
    this.flowService = createClient(FlowService, connection);
  }

  /**
   * For stubs that are generated from the app's own contract, `createClient(RootService, client.transport)`: they too
   * carry the token, have a deadline, and throw `CallError`.
   */
  get transport(): Transport {
    return this.#connection;
  }

  /** Closes the connection; streams and replicas of it end. */
  close(): void {
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Calls a command and waits until what it did is durable. It is tried again under one id, so that it happens once, until
   * the app answers or the time is over.
   *
   * @throws {@link CommandFailedError} The command raised.
   * @throws {@link CallError} It was refused, or the app did not answer.
   * @throws {@link ValueError} An argument is no value.
   */
  async call(command: string, args: Named = {}, options: CallOptions = {}): Promise<Answer> {
    const request = {
      command,
      arguments: encodeEntries(entriesOf(args), "arguments", 1),
      requestId: options.requestId ?? newRequestId(),
    };
    const response = await this.#repeat(options, (each) => this.flowService.callCommand(request, each));
    const { outcome, revision, replayed } = response;
    if (outcome.case === "failure") {
      throw new CommandFailedError(command, outcome.value, revision);
    }
    return { result: decode(outcome.value, "result"), revision, replayed };
  }

  /**
   * Calls a command that streams, and yields its items as they come, each when what was done up to it is durable:
   *
   * ```ts
   * for await (const { value } of client.stream("rows", { start: 1n })) {
   *   console.log(value);
   * }
   * ```
   *
   * It is called when the first item is asked for, and never again by itself. Leaving the loop closes the command.
   *
   * @throws {@link CommandFailedError} The command raised, after the items before.
   * @throws {@link CallError} It was refused, or the stream broke.
   * @throws {@link ValueError} An argument is no value.
   */
  async *stream(command: string, args: Named = {}, options: StreamOptions = {}): AsyncGenerator<Item, void, undefined> {
    const request = { command, arguments: encodeEntries(entriesOf(args), "arguments", 1) };
    const left = new AbortController(); // leaving the loop over a stream of Connect does not end the stream
    const signal = linkedSignal(options.signal, left);
    try {
      for await (const { content, revision } of this.flowService.streamCommand(request, { ...options, signal })) {
        if (content.case === "failure") {
          throw new CommandFailedError(command, content.value, revision);
        }
        yield { value: decode(content.value, "item"), revision };
      }
    } finally {
      left.abort();
    }
  }

  /** Sets vars of a component from outside, all or none, and returns the revision that holds them. */
  async update(component: string, vars: Named, options: CallOptions = {}): Promise<bigint> {
    const changes = encodeEntries(entriesOf(vars), "vars", 1).map(({ key, value }) => ({
      var: key,
      operation: { case: "value" as const, value: value! },
    }));
    const request = { component, changes, requestId: options.requestId ?? newRequestId() };
    return (await this.#repeat(options, (each) => this.flowService.updateState(request, each))).revision;
  }

  /** Reads the state of a component and everything below it. */
  async state(component = "root", options: Omit<CallOptions, "requestId"> = {}): Promise<State> {
    const response = await this.flowService.getState({ component }, options);
    const tree = new Tree();
    tree.add(response.components);
    tree.addRuns(response.runs);
    const { journalId, revision } = response;
    return { journalId, revision, components: tree.components(), runs: tree.runs(), app: undefined };
  }

  /**
   * Begins to follow a component and everything below it. The replica tries on, and keeps the process alive, until it is
   * closed, the signal aborts it or the app ends.
   */
  replicate(component = "root", options: { readonly signal?: AbortSignal } = {}): Replica {
    return new Replica(this.flowService, component, options.signal);
  }

  /** Sends a request that carries a request id until it is answered or the time is over. */
  async #repeat<T>(options: CallOptions, send: (options: CallOptions) => Promise<T>): Promise<T> {
    const deadline = new Deadline(options.timeoutMs ?? this.#connection.timeoutMs);
    const pauses = new Pauses(1_000);
    for (;;) {
      try {
        return await send({ timeoutMs: deadline.leftMs(), ...(options.signal && { signal: options.signal }) });
      } catch (error) {
        const next = pauses.next();
        const again = error instanceof CallError && error.notReachable && deadline.outlasts(next);
        if (!again || options.signal?.aborted || !(await pause(next, options.signal))) {
          throw error;
        }
      }
    }
  }
}

function entriesOf(named: Named): Iterable<readonly [string, Input]> {
  return named instanceof Map ? named : Object.entries(named as { readonly [name: string]: Input });
}
