import assert from "node:assert/strict";
import { test } from "node:test";

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { MismatchError, toMessage } from "@flowrpc/client";
import {
  WatchEndReason,
  WatchStateResponseSchema,
  type WatchStateRequest,
} from "@flowrpc/client/flowrpc/v1/flow_service_pb.js";
import { ComponentKind } from "@flowrpc/client/flowrpc/v1/state_pb.js";
import { serve } from "./service.js";

type Update = MessageInitShape<typeof WatchStateResponseSchema>;

function snapshot(revision: bigint, count: bigint, stateHash = ""): Update {
  const vars = [{ key: "count", value: toMessage(count) }];
  const components = [{ name: "root", kind: ComponentKind.FLOW, type: "app:Root", vars }];
  return {
    update: { case: "snapshot", value: { journalId: "j", revision, components, first: true, last: true, stateHash } },
  };
}

function revision(number: bigint, count: bigint): Update {
  const changes = [{ var: "count", operation: { case: "integer" as const, value: count } }];
  return { update: { case: "revision", value: { number, time: {}, deltas: [{ component: "root", changes }] } } };
}

const ENDED: Update = { update: { case: "end", value: { reason: WatchEndReason.APP_ENDED, message: "it is done" } } };

/** Answers each watch with the next list of updates, and then breaks it; the last one stays open. */
function watches(asked: WatchStateRequest[], ...told: Update[][]) {
  return {
    async *watchState(request: WatchStateRequest) {
      asked.push(request);
      const updates = told[asked.length - 1] ?? [];
      yield* updates.map((update) => create(WatchStateResponseSchema, update));
      if (asked.length >= told.length) {
        await new Promise(() => undefined);
      }
    },
  };
}

test("a replica goes on where it was", { timeout: 60_000 }, async (context) => {
  const asked: WatchStateRequest[] = [];
  const { client } = await serve(context, watches(asked, [snapshot(3n, 1n)], [revision(5n, 2n)]));
  using replica = client.replicate("root");
  const seen: bigint[] = [];
  for await (const at of replica.revisions()) {
    seen.push(at);
    if (at === 5n) {
      break;
    }
  }
  assert.deepEqual(seen, [3n, 5n]);
  assert.deepEqual(replica.vars("root"), new Map([["count", 2n]]));
  assert.deepEqual(
    asked.map((each) => [each.afterRevision, each.journalId]),
    [
      [undefined, ""],
      [3n, "j"],
    ],
  );
});

test("a replica goes on after its connection broke", { timeout: 60_000 }, async (context) => {
  const asked: WatchStateRequest[] = [];
  const open = watches(asked, [snapshot(3n, 1n)]);
  const { client, cut } = await serve(context, {
    async *watchState(request: WatchStateRequest) {
      if (asked.length === 1) {
        asked.push(request);
        yield create(WatchStateResponseSchema, revision(4n, 9n));
        await new Promise(() => undefined);
      }
      yield* open.watchState(request);
    },
  });
  using replica = client.replicate("root");
  await replica.waitFor(3n);
  cut();
  await replica.waitFor(4n);
  assert.equal(asked[1]?.afterRevision, 3n);
});

test("a replica that differs begins anew, and gives up in the end", { timeout: 60_000 }, async (context) => {
  const asked: WatchStateRequest[] = [];
  const wrong = [snapshot(3n, 1n, "0".repeat(64))];
  const { client } = await serve(context, watches(asked, wrong, wrong, wrong, []));
  using replica = client.replicate("root");
  await assert.rejects(replica.waitFor(1n), MismatchError);
  assert.equal(replica.mismatches, 3);
  assert.deepEqual(
    asked.map((each) => each.afterRevision),
    [undefined, undefined, undefined],
  );
});

test("a replica of an app that ended says so", { timeout: 60_000 }, async (context) => {
  const { client } = await serve(context, watches([], [snapshot(3n, 1n), ENDED], []));
  using replica = client.replicate("root");
  await assert.rejects(replica.waitFor(4n), /the watch ended: it is done/);
  assert.equal(replica.revision, 3n);
});

test("a replica that is closed, or that ended, leaves no watch behind", { timeout: 60_000 }, async (context) => {
  let open = 0;
  let left = () => {};
  const { client } = await serve(context, {
    async *watchState(request, { signal }) {
      open++;
      signal.addEventListener("abort", () => (open--, left()));
      yield create(WatchStateResponseSchema, snapshot(3n, 1n));
      yield* request.component === "ending" ? [create(WatchStateResponseSchema, ENDED)] : [];
      await new Promise(() => undefined);
    },
  });
  const ending = client.replicate("ending");
  await assert.rejects(ending.waitFor(4n));
  const replica = client.replicate("root");
  await replica.waitFor(3n);
  replica.close();
  while (open > 0) {
    await new Promise<void>((resolve) => (left = resolve));
  }
});

test("waiting ends with its time, its signal, its replica or what it asks", { timeout: 60_000 }, async (context) => {
  const { client } = await serve(context, watches([], [snapshot(3n, 1n)]));
  const replica = client.replicate("root");
  await replica.waitFor(3n);
  await assert.rejects(replica.waitFor(4n, { timeoutMs: 10 }), { name: "TimeoutError" });
  await assert.rejects(replica.waitFor(4n, { signal: AbortSignal.abort(new Error("enough")) }), /enough/);
  await assert.rejects(
    replica.wait(() => assert.fail("asked")),
    /asked/,
  );
  const waiting = replica.waitFor(4n);
  replica.close();
  await assert.rejects(waiting, /the replica is closed/);
});

test("what is read of a replica is a copy", { timeout: 60_000 }, async (context) => {
  const { client } = await serve(context, watches([], [snapshot(3n, 1n)]));
  using replica = client.replicate("root");
  await replica.waitFor(3n);
  replica.vars("root")!.set("count", 7n);
  replica.state().components[0]!.vars.clear();
  assert.deepEqual(replica.vars("root"), new Map([["count", 1n]]));
  assert.equal(replica.vars("nobody"), undefined);
});
