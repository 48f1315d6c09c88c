import { connect as connectSocket } from "node:net";

import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import type { DescMessage, DescMethodStreaming, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ContextValues,
  type Interceptor,
  type StreamResponse,
  type Transport,
  type UnaryResponse,
} from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";

import { CallError, FlowrpcError } from "./errors.js";
import { Pauses, pause } from "./pauses.js";
import { Session, type KeepAlive } from "./session.js";
import { addressOf, type Options, type Target } from "./target.js";

const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
const KEEP_ALIVE: KeepAlive = { intervalMs: 5_000, timeoutMs: 2_000 };
/** How often a call that changes nothing is made at most. */
const ATTEMPTS = 4;

/**
 * The connection to an app, as a transport of Connect: its calls carry the token, have a deadline, and throw `CallError`.
 * An app that was found is found again when the connection breaks. Unary calls that change nothing are repeated.
 */
export class Connection implements Transport {
  readonly #options: Options;
  readonly #target: Target;
  readonly timeoutMs: number;
  #link: Link;
  #broken = false;
  #closed = false;

  constructor(target: Target, options: Options) {
    this.#target = target;
    this.#options = options;
    this.timeoutMs = options.timeoutMs ?? 10_000;
    this.#link = this.#open(target.address);
  }

  close(): void {
    this.#closed = true;
    this.#link.session.abort();
  }

  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: ConstructorParameters<typeof Headers>[0],
    input: MessageInitShape<I>,
    contextValues?: ContextValues,
  ): Promise<UnaryResponse<I, O>> {
    const deadline = new Deadline(timeoutMs ?? this.timeoutMs);
    const attempts = method.idempotency === Idempotency.NO_SIDE_EFFECTS ? ATTEMPTS : 1;
    const pauses = new Pauses(500);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#current().unary(method, signal, deadline.leftMs(), header, input, contextValues);
      } catch (error) {
        const failed = this.#failed(error);
        const again = attempt < attempts && failed.code === Code.Unavailable;
        if (!again || !(await pause(pauses.next(), signal))) {
          throw failed;
        }
      }
    }
  }

  async stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: ConstructorParameters<typeof Headers>[0],
    input: AsyncIterable<MessageInitShape<I>>,
    contextValues?: ContextValues,
  ): Promise<StreamResponse<I, O>> {
    try {
      const response = await this.#current().stream(method, signal, timeoutMs, header, input, contextValues);
      return { ...response, message: this.#translated(response.message) };
    } catch (error) {
      throw this.#failed(error);
    }
  }

  async *#translated<T>(messages: AsyncIterable<T>): AsyncGenerator<T> {
    try {
      yield* messages;
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #failed(error: unknown): CallError {
    if (this.#closed) {
      throw new FlowrpcError("the client is closed", { cause: error });
    }
    const failed = new CallError(ConnectError.from(error));
    this.#broken ||= failed.code === Code.Unavailable;
    return failed;
  }

  /** Returns the transport to where the app is now. While no app runs the old address stays, and calls are refused there. */
  #current(): Transport {
    if (this.#closed) {
      throw new FlowrpcError("the client is closed");
    }
    if (this.#broken && this.#target.dataDir !== undefined) {
      const address = addressOf(this.#target.dataDir) ?? this.#link.address;
      if (address !== this.#link.address) {
        this.#link.session.abort();
        this.#link = this.#open(address);
      }
    }
    this.#broken = false;
    return this.#link.transport;
  }

  #open(address: string): Link {
    const { tls, interceptors = [] } = this.#options;
    const path = address.startsWith("unix:") ? address.slice("unix:".length) : undefined;
    const baseUrl = `${tls ? "https" : "http"}://${path === undefined ? address : "localhost"}`;
    const session = new Session(baseUrl, KEEP_ALIVE, {
      ...tls,
      ...(path !== undefined && { createConnection: () => connectSocket(path) }),
    });
    const transport = createGrpcTransport({
      baseUrl,
      sessionManager: session,
      interceptors: [...interceptors, authorized(this.#target.token)],
      readMaxBytes: MAX_MESSAGE_BYTES,
      writeMaxBytes: MAX_MESSAGE_BYTES,
    });
    return { address, session, transport };
  }
}

/** A connection to one address. */
interface Link {
  readonly address: string;
  readonly session: Session;
  readonly transport: Transport;
}

/** What is left of a time; 0 or less means that there is no end. */
export class Deadline {
  readonly #end: number;

  constructor(timeoutMs: number) {
    this.#end = timeoutMs > 0 ? performance.now() + timeoutMs : Infinity;
  }

  /** At least a millisecond, since 0 means no end; 0 if there is none. */
  leftMs(): number {
    return this.#end === Infinity ? 0 : Math.max(1, Math.ceil(this.#end - performance.now()));
  }

  /** Whether there is more left than that. */
  outlasts(milliseconds: number): boolean {
    return performance.now() + milliseconds < this.#end;
  }
}

function authorized(token: string): Interceptor {
  return (next) => (request) => {
    if (token !== "") {
      request.header.set("authorization", `Bearer ${token}`);
    }
    return next(request);
  };
}
