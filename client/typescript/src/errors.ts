import { Code, ConnectError } from "@connectrpc/connect";

import type { Failure } from "./gen/flowrpc/v1/run_pb.js";
import { BadRequestSchema, ErrorInfoSchema } from "./gen/google/rpc/error_details_pb.js";

const DOMAIN = "flowrpc";

/** What every error of this package is. */
export class FlowrpcError extends Error {
  override get name(): string {
    return this.constructor.name;
  }
}

/** No running app fits; the message says what was looked for and what to do. */
export class AppNotFoundError extends FlowrpcError {}

/** Something is no value. */
export class ValueError extends FlowrpcError {
  constructor(
    /** Where it is: `arguments.names[3]`. */
    readonly place: string,
    /** What is wrong with it. */
    readonly problem: string,
  ) {
    super(`${place}: ${problem}`);
  }
}

/**
 * A replica differs from the app's state at the same revision, by their hashes: it missed or misread a change. It begins
 * anew with a snapshot.
 */
export class MismatchError extends FlowrpcError {
  constructor(
    readonly revision: bigint,
    readonly own: string,
    readonly told: string,
  ) {
    super(`the replica at revision ${revision} has the hash ${own.slice(0, 16)}…, the app ${told.slice(0, 16)}…`);
  }
}

/** The service stops, and the app goes on when it is served again. */
export class ServiceStoppingError extends FlowrpcError {}

/** A command raised in the app; what it changed was undone. */
export class CommandFailedError extends FlowrpcError {
  constructor(
    readonly command: string,
    /** What it raised: class, message and traceback. */
    readonly failure: Failure,
    readonly revision: bigint,
  ) {
    super([command, failure.type, failure.message].filter(Boolean).join(": "));
  }
}

/** Why a call was refused, or why it could not be made. */
export class CallError extends FlowrpcError {
  /** The status code of gRPC; `Unavailable` if the connection broke. */
  readonly code: Code;
  /** Name of an `ErrorReason` without its prefix, such as `UNKNOWN_COMMAND`; empty if the app did not answer. */
  readonly reason: string;
  /** More about the reason: `{ command: "ad", suggestion: "add" }`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Of each field of a typed request what is wrong with it. */
  readonly violations: ReadonlyMap<string, string>;

  constructor(error: ConnectError) {
    const info = error.findDetails(ErrorInfoSchema).find((each) => each.domain === DOMAIN);
    const code = isBroken(error) ? Code.Unavailable : error.code;
    const reason = info?.reason.replace(/^ERROR_REASON_/, "") ?? "";
    super(reason ? `${reason}: ${error.rawMessage}` : `the app did not answer (${Code[code]}): ${error.rawMessage}`, {
      cause: error,
    });
    this.code = code;
    this.reason = reason;
    this.metadata = info?.metadata ?? {};
    this.violations = new Map(
      error
        .findDetails(BadRequestSchema)
        .flatMap((each) => each.fieldViolations)
        .map((each) => [each.field, each.description]),
    );
  }

  /** Whether the app could not be reached, is ending, or did not answer: what another try may mend. */
  get notReachable(): boolean {
    const another = [Code.Unavailable, Code.DeadlineExceeded, Code.Canceled].includes(this.code);
    return another && (this.reason === "" || this.reason === "STOPPING");
  }
}

/**
 * Whether the connection broke. Connect calls that `aborted`, `internal` or, while a stream is open, `canceled`: which are
 * also its words for faults that another try does not mend, such as a certificate that is not trusted, and for what
 * the caller gave up.
 */
function isBroken(error: ConnectError): boolean {
  if (error.metadata.has("grpc-status") || error.metadata.has("grpc-status-details-bin")) {
    return false; // the app's own word
  }
  const text = error.rawMessage;
  return (
    error.code === Code.Aborted ||
    (CLOSED.has(error.code) && /^(http\/2 stream closed|protocol error: missing status)/.test(text)) ||
    causes(error).some((code) => BREAKS.has(code) || code.startsWith("ERR_HTTP2_"))
  );
}

const CLOSED = new Set([Code.Internal, Code.Canceled]);
const BREAKS = new Set(["ECONNRESET", "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOENT", "EPIPE", "ETIMEDOUT"]);

function causes(error: Error): string[] {
  const codes: string[] = [];
  for (let each: unknown = error; each instanceof Error && codes.length < 10; each = each.cause) {
    codes.push("code" in each ? String(each.code) : "");
  }
  return codes;
}
