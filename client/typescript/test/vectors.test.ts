import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { fromBinary, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { fromMessage, MismatchError, toMessage, ValueError, type Value } from "@flowrpc/client";
import { WatchStateResponseSchema } from "@flowrpc/client/flowrpc/v1/flow_service_pb.js";
import { RunStatus } from "@flowrpc/client/flowrpc/v1/run_pb.js";
import { ChangeSchema } from "@flowrpc/client/flowrpc/v1/state_pb.js";
import { ValueSchema } from "@flowrpc/client/flowrpc/v1/value_pb.js";

import { applyChange } from "../src/change.js";
import { ServiceStoppingError } from "../src/errors.js";
import { Fold } from "../src/fold.js";
import { hashed } from "../src/hash.js";
import { parseExact } from "./exact-json.js";

type Json = Map<string, Value>;

/** Reads a file of tests/contract/vectors, wherever below the checkout this is built; its README tells the notation. */
function vectors(file: string): Json {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "tests", "contract", "vectors"))) {
    assert.notEqual(folder, dirname(folder), "there is no tests/contract/vectors around");
    folder = dirname(folder);
  }
  return parseExact(readFileSync(join(folder, "tests", "contract", "vectors", file), "utf8")) as Json;
}

function cases(read: Json, key: string): Json[] {
  const found = read.get(key) as Json[];
  assert.ok(found.length > 0, `no ${key}`);
  return found;
}

function message<T extends DescMessage>(schema: T, written: Json): MessageShape<T> {
  return fromBinary(schema, Buffer.from(written.get("message") as string, "base64"));
}

function valueOf(written: Json): Value {
  return fromMessage(message(ValueSchema, written));
}

/** Compares exactly: the bytes of the hash tell everything apart that state does. */
function assertSame(found: Value, wanted: Value): void {
  if (!hashed(found).equals(hashed(wanted))) {
    assert.deepEqual(found, wanted);
    assert.fail(`${String(found)} is hashed of other bytes than ${String(wanted)}`);
  }
}

const values = vectors("values.json");
for (const each of cases(values, "cases")) {
  test(`values: ${each.get("name")}`, () => {
    const value = valueOf(each);
    assert.equal(hashed(value).toString("base64"), each.get("hashed"));
    assertSame(value, each.get("json")!);
    assertSame(fromMessage(toMessage(value)), value);
  });
}
for (const each of cases(values, "refused")) {
  test(`values: refused: ${each.get("name")}`, () => {
    let parsed;
    try {
      parsed = message(ValueSchema, each);
    } catch {
      return; // refused by the parser
    }
    assert.throws(() => fromMessage(parsed), ValueError);
  });
}

const changes = vectors("changes.json");
for (const each of cases(changes, "cases")) {
  test(`changes: ${each.get("name")}`, () => {
    const vars = valueOf(each.get("before") as Json) as Json;
    applyChange(vars, message(ChangeSchema, each));
    assertSame(vars, valueOf(each.get("after") as Json));
  });
}
for (const each of cases(changes, "refused")) {
  test(`changes: refused: ${each.get("name")}`, () => {
    const vars = valueOf(each.get("before") as Json) as Json;
    assert.throws(() => applyChange(vars, message(ChangeSchema, each)), ValueError);
    assertSame(vars, valueOf(each.get("before") as Json));
  });
}

for (const each of cases(vectors("watches.json"), "cases")) {
  test(`watches: ${each.get("name")}`, () => {
    const fold = new Fold();
    for (const [index, step] of cases(each, "steps").entries()) {
      take(fold, step, `step ${index}`);
      if (!step.get("refused")) {
        check(fold, step.get("after") as Json | null, `step ${index}`);
      }
    }
  });
}

function take(fold: Fold, step: Json, place: string): void {
  if (step.get("break")) {
    fold.resume("root");
    return;
  }
  const play = () => fold.take(message(WatchStateResponseSchema, step));
  if (step.get("mismatch") || step.get("refused")) {
    assert.throws(play, step.get("mismatch") ? MismatchError : ValueError, place);
    return;
  }
  try {
    play();
  } catch (error) {
    assert.ok(error instanceof ServiceStoppingError, `${place}: ${String(error)}`);
  }
}

function check(fold: Fold, after: Json | null, place: string): void {
  assert.equal(fold.ready, after !== null, place);
  if (after === null) {
    return;
  }
  const resume = after.get("resume") as Json;
  assert.equal(fold.revision, resume.get("after_revision"), place);
  assert.equal(fold.journalId, resume.get("journal_id"), place);
  assertSame(plainComponents(fold), after.get("components")!);
  assertSame(plainRuns(fold), (after.get("runs") as Json[]).map(tellRun));
  assert.equal(fold.state.stateHash(), after.get("state_hash"), place);
}

function plainComponents(fold: Fold): Value {
  return fold.state.components().map(({ name, kind, type, vars, recipe }) => {
    const plain = new Map<string, Value>([
      ["name", name],
      ["kind", kind],
      ["type", type],
      ["vars", [...vars]],
    ]);
    if (recipe) {
      plain.set(
        "recipe",
        new Map<string, Value>([
          ["type", recipe.type],
          ["args", recipe.args],
          ["kwargs", [...recipe.kwargs]],
        ]),
      );
    }
    return plain;
  });
}

function plainRuns(fold: Fold): string[] {
  return fold.state
    .runs()
    .map(({ runId, work, status }) => `${runId} ${work} ${RunStatus[status]!.toLowerCase()}`)
    .sort();
}

function tellRun(run: Json): string {
  return `${run.get("run_id")} ${run.get("work")} ${run.get("status")}`;
}

test("the comparison tells apart what JavaScript's equality may not", () => {
  const pairs: [Value, Value][] = [
    [1n, 1],
    [0, -0],
    ["1", 1n],
    [
      new Map([
        ["a", null],
        ["b", null],
      ]),
      new Map([
        ["b", null],
        ["a", null],
      ]),
    ],
  ];
  for (const [one, other] of pairs) {
    assert.throws(() => assertSame(one, other), assert.AssertionError);
  }
});
