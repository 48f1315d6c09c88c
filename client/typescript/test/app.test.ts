// Against a real app, which tests/clients/test_typescript.py serves; without one these tests are skipped.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { Code } from "@connectrpc/connect";
import {
  CallError,
  CommandFailedError,
  connect,
  Extension,
  newRequestId,
  ValueError,
  type Client,
  type Input,
  type Item,
  type Options,
  type Replica,
  type Value,
} from "@flowrpc/client";
import { hashed } from "../src/hash.js";

const { FLOWRPC_TEST_DATA_DIR: dataDir, FLOWRPC_TEST_ADDRESS: address, FLOWRPC_TEST_CA: ca } = process.env;
const skip = dataDir ? false : "no app: tests/clients/test_typescript.py serves one and sets FLOWRPC_TEST_DATA_DIR";

function testApp(
  name: string,
  play: (client: Client, replica: Replica, context: TestContext) => Promise<void>,
  options: Options = {},
): void {
  test(name, { skip, timeout: 100_000 }, async (context) => {
    const client = connect({ dataDir: dataDir!, timeoutMs: 60_000, ...options });
    const replica = client.replicate("root");
    context.after(() => {
      replica.close();
      client.close();
    });
    await play(client, replica, context);
  });
}

function same(found: Value | undefined, wanted: Value): boolean {
  return found !== undefined && hashed(found).equals(hashed(wanted));
}

const VALUES: Value[] = [
  null,
  true,
  false,
  2n ** 53n + 1n,
  -(2n ** 63n),
  -123456789012345678901234567890n,
  1,
  -0,
  5e-324,
  "",
  "a\u0308 \u{1f600}\0",
  "\ufeffmark",
  [],
  new Map(),
  new Map<string, Value>([
    ["10", 1n],
    ["9", [null, new Map([["", "x"]])]],
    ["__proto__", 2n],
  ]),
  new Extension("point", [1n, 2.5]),
];

testApp("every value comes back", async (client, replica) => {
  for (const value of VALUES) {
    const answer = await client.call("keep", { value });
    assert.ok(same(answer.result, value), String(answer.result));
    await replica.waitFor(answer.revision);
    assert.ok(same(replica.vars("root")?.get("kept"), value), String(value));
  }
  const state = await client.state("root");
  assert.ok(state.revision >= replica.revision);
  assert.ok(same(state.components[0]!.vars.get("kept"), VALUES.at(-1)!));
});

testApp("errors have reasons", async (client) => {
  const unknown = await failure(client.call("keeep"), CallError);
  assert.deepEqual(
    [unknown.reason, unknown.metadata["suggestion"], unknown.code],
    ["UNKNOWN_COMMAND", "keep", Code.NotFound],
  );
  assert.equal((await failure(client.call("keep", { valeu: 1 }), CallError)).reason, "INVALID_ARGUMENTS");
  const failed = await failure(client.call("fail", { text: "n\u00e4h" }), CommandFailedError);
  assert.deepEqual([failed.failure.type, failed.failure.message], ["ValueError", "n\u00e4h"]);
  assert.equal((await failure(client.state("root.x"), CallError)).reason, "UNKNOWN_COMPONENT");
  const place = (await failure(client.call("keep", { value: [undefined as unknown as Input] }), ValueError)).place;
  assert.equal(place, "arguments.value[0]");
});

testApp(
  "a wrong token is refused",
  async (client, replica) => {
    assert.equal((await failure(client.call("keep", { value: 1 }), CallError)).reason, "UNAUTHENTICATED");
    assert.equal((await failure(replica.waitFor(1n), CallError)).reason, "UNAUTHENTICATED");
  },
  { token: "wrong" },
);

testApp("a repeat is answered once", async (client) => {
  const requestId = newRequestId();
  const first = await client.call("count", {}, { requestId });
  const second = await client.call("count", {}, { requestId });
  assert.deepEqual([first.replayed, second.replayed, second.result], [false, true, first.result]);
  assert.equal(
    (await failure(client.call("keep", { value: 1 }, { requestId }), CallError)).reason,
    "REQUEST_ID_REUSED",
  );
});

testApp("it is updated and followed", async (client, replica) => {
  await client.update("root", { kept: [1n, 2n] });
  for (let count = 0; count < 20; count++) {
    await client.call("append", { item: "\u{1f600}" });
  }
  const { revision } = await client.call("hire", { name: "ann" });
  await replica.waitFor(revision);
  assert.equal((replica.vars("root")!.get("kept") as Value[]).length, 22);
  assert.deepEqual(
    replica.state().components.map((each) => each.name),
    ["root", "root.team", "root.team.ann"],
  );
  const told = await client.flowService.getState({ withStateHash: true });
  await replica.waitFor(told.revision);
  assert.deepEqual([replica.revision, replica.stateHash()], [told.revision, told.stateHash]);
});

testApp("items are streamed", async (client, replica) => {
  const before = await told(client);
  const start = 2n ** 53n + 1n;
  const items = await all(client.stream("rows", { start }));
  const names = items.map(({ value }) => (value as Map<string, Value>).get("name"));
  assert.deepEqual(
    names,
    [0n, 1n, 2n].map((more) => `n\u00e9e \u{1f600} ${start + more}`),
  );
  assert.deepEqual((items[2]!.value as Map<string, Value>).get("number"), start + 2n);
  await replica.waitFor(items[2]!.revision);
  assert.equal(replica.vars("root")!.get("told"), before + 3n);
  const values = (await all(client.stream("each", { values: VALUES }))).map(({ value }) => value);
  assert.ok(same(values, VALUES), String(values));
});

testApp("a stream ends with what was raised", async (client) => {
  const before = await told(client);
  const items: Item[] = [];
  const failed = await failure(all(client.stream("rows", { fail: "n\u00e4h" }), items), CommandFailedError);
  assert.deepEqual([failed.command, failed.failure.type, failed.failure.message], ["rows", "ValueError", "n\u00e4h"]);
  assert.equal(items.length, 3);
  assert.equal(await told(client), before + 3n); // what came after the items was undone
  for (const [command, reason] of [
    ["rowz", "UNKNOWN_COMMAND"],
    ["count", "WRONG_METHOD"],
  ] as const) {
    assert.equal((await failure(all(client.stream(command)), CallError)).reason, reason);
  }
  assert.equal((await failure(client.call("rows"), CallError)).reason, "WRONG_METHOD");
});

testApp("a stream is left", async (client, replica) => {
  for await (const { value } of client.stream("ticks")) {
    if (value === 20n) {
      break; // after more than the app sends to one who does not read
    }
  }
  await replica.wait((view) => view.var("root", "left") === 1n && view.var("root", "reading") === 0n);
  const { flowService } = client; // the client is as good as before
  assert.equal((await flowService.getApp({})).name, "shop");
});

// It is told by its standard input that the app was killed and started again, at another address.
testApp("it comes back", async (client, replica) => {
  const before = await client.call("count");
  await replica.waitFor(before.revision);
  console.log("kill it");
  await once(process.stdin, "data");
  process.stdin.destroy();
  const after = await client.call("count"); // sent while the app is away
  assert.equal(after.result, (before.result as bigint) + 1n);
  await replica.waitFor(after.revision);
  assert.deepEqual([replica.vars("root")!.get("counted"), replica.mismatches], [after.result, 0]);
});

const encrypted = skip || (ca && address ? false : "the app is not encrypted");

test(
  "an app that strangers can reach is called with its certificate",
  { skip: encrypted, timeout: 100_000 },
  async () => {
    using client = connect({ address: address!, tls: { ca: readFileSync(ca!) }, token: tokenOf("call") });
    using replica = client.replicate("root");
    await replica.waitFor((await client.call("keep", { value: 1n })).revision);
  },
);

test("a certificate that is not trusted is refused at once", { skip: encrypted, timeout: 100_000 }, async () => {
  using client = connect({ address: address!, tls: {}, token: tokenOf("call"), timeoutMs: 60_000 });
  const refused = await failure(client.call("count"), CallError);
  assert.deepEqual([refused.notReachable, refused.code], [false, Code.Internal]);
});

function tokenOf(role: string): string {
  return readFileSync(join(dataDir!, "tokens", role), "utf8").trim();
}

/** How many rows the app has told. */
async function told(client: Client): Promise<bigint> {
  return (await client.state()).components[0]!.vars.get("told") as bigint;
}

async function all(stream: AsyncIterable<Item>, items: Item[] = []): Promise<Item[]> {
  for await (const item of stream) {
    items.push(item);
  }
  return items;
}

async function failure<T extends Error>(call: Promise<unknown>, type: new (...each: never[]) => T): Promise<T> {
  const error: unknown = await call.then(
    (answer) => assert.fail(`it was answered: ${String(answer)}`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof type, String(error));
  return error;
}
