import assert from "node:assert/strict";
import { test } from "node:test";

import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { CallError, toMessage, ValueError, type Input, type Item } from "@flowrpc/client";
import { serve } from "./service.js";

const item = (number: number) => ({
  content: { case: "item" as const, value: toMessage(BigInt(number)) },
  revision: BigInt(number + 7),
});

/** Yields integers until its reader leaves; `left` tells that it has. */
function counting(): { streamCommand: Parameters<typeof serve>[1]["streamCommand"]; left: Promise<HandlerContext> } {
  let leave: (context: HandlerContext) => void;
  const left = new Promise<HandlerContext>((resolve) => (leave = resolve));
  return {
    left,
    async *streamCommand(_, context) {
      context.signal.addEventListener("abort", () => leave(context));
      for (let number = 0; !context.signal.aborted; number++) {
        yield item(number);
        await new Promise(setImmediate); // so that it hears that it is left
      }
    },
  };
}

test("leaving the loop cancels the call, which has no deadline", { timeout: 60_000 }, async (context) => {
  const { left, streamCommand } = counting();
  const { client } = await serve(context, { streamCommand: streamCommand! });
  for await (const { value, revision } of client.stream("ticks")) {
    if (value === 2n) {
      assert.equal(revision, 9n);
      break;
    }
  }
  assert.equal((await left).timeoutMs(), undefined);
});

test("throwing in the loop cancels the call", { timeout: 60_000 }, async (context) => {
  const { left, streamCommand } = counting();
  const { client } = await serve(context, { streamCommand: streamCommand! });
  const read = async () => {
    for await (const { value } of client.stream("ticks")) {
      throw new RangeError(String(value));
    }
  };
  await assert.rejects(read(), new RangeError("0"));
  await left;
});

test("a stream that breaks is not repeated", { timeout: 60_000 }, async (context) => {
  for (const items of [0, 2]) {
    let calls = 0;
    const { client } = await serve(context, {
      async *streamCommand() {
        calls++;
        yield* Array.from({ length: items }, (_, number) => item(number));
        throw new ConnectError("broken", Code.Unavailable);
      },
    });
    const { read, error } = await all(client.stream("rows"));
    assert.ok(error instanceof CallError && error.notReachable, String(error));
    assert.deepEqual([read.length, calls], [items, 1]);
  }
});

test("a connection that breaks is told as such", { timeout: 60_000 }, async (context) => {
  const { client, cut } = await serve(context, {
    async *streamCommand(_, { signal }) {
      yield item(0);
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    },
  });
  const { read, error } = await all(client.stream("rows"), cut);
  assert.ok(error instanceof CallError && error.code === Code.Unavailable, String(error));
  assert.equal(read.length, 1);
});

test("a stream may take as long as it is told, or until its signal aborts", { timeout: 60_000 }, async (context) => {
  const streamCommand = async function* (_: unknown, { signal }: Pick<HandlerContext, "signal">) {
    yield item(0);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  };
  const { client } = await serve(context, { streamCommand }, { timeoutMs: 1 });
  const limited = await all(client.stream("rows", {}, { timeoutMs: 500 }));
  assert.ok(limited.error instanceof CallError && limited.error.code === Code.DeadlineExceeded, String(limited.error));
  const leaving = new AbortController();
  const stream = client.stream("rows", {}, { signal: leaving.signal });
  const aborted = await all(stream, () => setImmediate(() => leaving.abort())); // while the next one is waited for
  assert.ok(aborted.error instanceof CallError && aborted.error.code === Code.Canceled, String(aborted.error));
  assert.equal(aborted.read.length, 1);
});

test("what is no value opens no stream", async (context) => {
  const { client } = await serve(context, {});
  const { error } = await all(client.stream("rows", { a: [undefined as unknown as Input] }));
  assert.ok(error instanceof ValueError && error.place === "arguments.a[0]", String(error));
});

async function all(
  stream: AsyncIterable<Item>,
  seen: (item: Item) => void = () => undefined,
): Promise<{ read: Item[]; error: unknown }> {
  const read: Item[] = [];
  try {
    for await (const each of stream) {
      read.push(each);
      seen(each);
    }
    return { read, error: undefined };
  } catch (error) {
    return { read, error };
  }
}
