import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import {
  AppNotFoundError,
  CallError,
  CommandFailedError,
  connect,
  FlowrpcError,
  newRequestId,
  toMessage,
} from "@flowrpc/client";
import type { CallCommandRequest } from "@flowrpc/client/flowrpc/v1/flow_service_pb.js";
import { ErrorInfoSchema } from "../src/gen/google/rpc/error_details_pb.js";
import { Pauses } from "../src/pauses.js";
import { isLoopback } from "../src/target.js";
import { serve } from "./service.js";

const NOTHING = { outcome: { case: "result" as const, value: toMessage(null) } };

test("request ids are UUIDv7 of now", () => {
  const [first, second] = [newRequestId(), newRequestId()];
  assert.match(first, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.notEqual(first, second);
  assert.ok(Math.abs(parseInt(first.replace("-", "").slice(0, 12), 16) - Date.now()) < 60_000);
});

test("pauses grow, and differ", () => {
  const pauses = new Pauses(1_000);
  for (let bound = 50, count = 0; count < 10; bound = Math.min(2 * bound, 1_000), count++) {
    const pause = pauses.next();
    assert.ok(bound / 2 <= pause && pause <= bound, `${pause} is not between the half of ${bound} and it`);
  }
});

test("what is loopback", () => {
  const here = ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1", "unix:/x"];
  const elsewhere = ["203.0.113.7:1", "[2001:db8::1]:1", "127.example.com:1", "localhost.example.com:1", "example.com"];
  assert.deepEqual([here.every(isLoopback), elsewhere.some(isLoopback)], [true, false]);
});

test("a token stays on this host without TLS", () => {
  const remote = { address: "203.0.113.7:443", token: "secret" };
  assert.throws(() => connect(remote), /only sent encrypted/);
  connect({ ...remote, tls: {} }).close();
});

test("a token file that others may read is refused, and one that is missing", () => {
  const folder = mkdtempSync(join(tmpdir(), "flowrpc-"));
  const tokenFile = join(folder, "token");
  writeFileSync(tokenFile, "secret\n", { mode: 0o644 });
  assert.throws(() => connect({ address: "127.0.0.1:1", tokenFile }), /chmod 600/);
  assert.throws(() => connect({ address: "127.0.0.1:1", tokenFile: join(folder, "none") }), /token file: ENOENT/);
  writeFileSync(join(folder, "line"), "two\nlines", { mode: 0o600 });
  assert.throws(() => connect({ address: "127.0.0.1:1", tokenFile: join(folder, "line") }), /characters that none has/);
});

test("no app is found", () => {
  process.env["FLOWRPC_RUN_DIR"] = mkdtempSync(join(tmpdir(), "flowrpc-"));
  assert.throws(
    () => connect(),
    (error) => error instanceof AppNotFoundError && /flowctl run/.test(error.message),
  );
  assert.throws(() => connect({ dataDir: "/nowhere" }), AppNotFoundError);
});

test("several apps that fit are named", () => {
  const folder = mkdtempSync(join(tmpdir(), "flowrpc-"));
  process.env["FLOWRPC_RUN_DIR"] = folder;
  for (const name of ["bar", "shop"]) {
    const entry = { name, address: "127.0.0.1:1", data_dir: `/srv/${name}`, pid: process.pid };
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(entry), { mode: 0o600 });
  }
  writeFileSync(join(folder, "torn.json"), "{", { mode: 0o600 });
  writeFileSync(join(folder, "other.json"), JSON.stringify({ name: "other", pid: process.pid }), { mode: 0o644 });
  assert.throws(() => connect(), /several apps fit: bar in \/srv\/bar, shop in \/srv\/shop; name one/);
  connect({ app: "shop" }).close();
  assert.throws(() => connect({ app: "other" }), /no app runs under the name other/);
});

test("a call carries the token, the arguments in order and a deadline", async (context) => {
  const seen: [CallCommandRequest, HandlerContext][] = [];
  const { client } = await serve(
    context,
    { callCommand: (...each) => (seen.push(each), NOTHING) },
    { token: "secret" },
  );
  await client.call("add", { name: "ann", at: 1n });
  const [[request, handled]] = seen as [[CallCommandRequest, HandlerContext]];
  assert.equal(handled.requestHeader.get("authorization"), "Bearer secret");
  assert.deepEqual(
    request.arguments.map((entry) => entry.key),
    ["name", "at"],
  );
  assert.ok(handled.timeoutMs()! > 0 && handled.timeoutMs()! <= 30_000);
});

test("a service on a socket is called, also when it comes back", async (context) => {
  const address = `unix:${join(mkdtempSync(join(tmpdir(), "flowrpc-")), "app.sock")}`;
  const { client, cut } = await serve(context, { callCommand: () => NOTHING }, { address, token: "secret" });
  await client.call("add");
  cut();
  assert.equal((await client.call("add")).result, null);
});

test("a command is repeated under one id while the app does not answer", async (context) => {
  const ids: string[] = [];
  const { client, cut } = await serve(context, {
    callCommand(request) {
      ids.push(request.requestId);
      if (ids.length === 1) {
        throw new ConnectError("not yet", Code.Unavailable);
      }
      if (ids.length === 2) {
        cut();
      }
      return NOTHING;
    },
  });
  assert.equal((await client.call("add")).result, null);
  assert.equal(ids.length, 3);
  assert.equal(new Set(ids).size, 1);
});

test("a command that is refused is not repeated", async (context) => {
  let calls = 0;
  const { client } = await serve(context, {
    callCommand() {
      calls++;
      const info = {
        desc: ErrorInfoSchema,
        value: { reason: "UNKNOWN_COMMAND", domain: "flowrpc", metadata: { suggestion: "add" } },
      };
      throw new ConnectError("no such command", Code.NotFound, undefined, [info]);
    },
  });
  const { code, reason, metadata, message } = await rejected(client.call("ad"), CallError);
  assert.deepEqual([code, reason, { ...metadata }], [Code.NotFound, "UNKNOWN_COMMAND", { suggestion: "add" }]);
  assert.equal(message, "UNKNOWN_COMMAND: no such command");
  assert.equal(calls, 1);
});

test("a command that raised tells its failure", async (context) => {
  const { client } = await serve(context, {
    callCommand: () => ({
      outcome: { case: "failure", value: { type: "ValueError", message: "n\u00e4h" } },
      revision: 7n,
    }),
  });
  const failed = await rejected(client.call("add"), CommandFailedError);
  assert.deepEqual([failed.message, failed.revision], ["add: ValueError: n\u00e4h", 7n]);
});

test("what changes nothing is repeated, what may is not", async (context) => {
  let calls = 0;
  const refuse = () => {
    calls++;
    throw new ConnectError("not yet", Code.Unavailable);
  };
  const { client } = await serve(context, { getApp: refuse, stopApp: refuse });
  await rejected(client.flowService.getApp({}), CallError);
  assert.equal(calls, 4);
  await rejected(client.flowService.stopApp({}), CallError);
  assert.equal(calls, 5);
});

test("a service that is silent meets a deadline", async (context) => {
  const { client } = await serve(context, { callCommand: silence }, { timeoutMs: 200 });
  assert.equal((await rejected(client.call("add"), CallError)).code, Code.DeadlineExceeded);
});

test("a stub that names no deadline has the client's", { timeout: 30_000 }, async (context) => {
  const { client } = await serve(context, { stopApp: silence }, { timeoutMs: 200 });
  assert.equal((await rejected(client.flowService.stopApp({}), CallError)).code, Code.DeadlineExceeded);
});

test("a call is given up when its signal aborts", async (context) => {
  const { client } = await serve(context, { callCommand: silence });
  const { code } = await rejected(client.call("add", {}, { signal: AbortSignal.timeout(50) }), CallError);
  assert.ok([Code.Canceled, Code.DeadlineExceeded].includes(code), Code[code]);
});

test("nobody there is told as such", async () => {
  using client = connect({ address: "127.0.0.1:1", timeoutMs: 300 });
  const failed = await rejected(client.call("add"), CallError);
  assert.deepEqual([failed.notReachable, failed.reason], [true, ""]);
  assert.match(failed.message, /the app did not answer/);
});

test("a client that is closed calls no more", async (context) => {
  const { client } = await serve(context, { callCommand: () => NOTHING });
  client.close();
  assert.match((await rejected(client.call("add"), FlowrpcError)).message, /the client is closed/);
});

function silence(_: unknown, { signal }: Pick<HandlerContext, "signal">): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("left"))));
}

async function rejected<T extends Error>(call: Promise<unknown>, type: new (...each: never[]) => T): Promise<T> {
  const error: unknown = await call.then(
    () => assert.fail("it was answered"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof type, String(error));
  return error;
}
