import { ValueError } from "./errors.js";
import type { Change, PathStep, Splice } from "./gen/flowrpc/v1/state_pb.js";
import { decode, decodeDouble, decodeItems } from "./value-reading.js";
import type { Value } from "./value.js";

/** Makes a change of vars. If it is refused they are as before. */
export function applyChange(vars: Map<string, Value>, change: Change): void {
  if (change.var === "") {
    throw new ValueError("changes", "one names no var; set Change.var");
  }
  const steps = change.steps.map((step) => readStep(step, change.var));
  const edit = readEdit(change);
  walk(vars, [change.var, ...steps], edit, "");
}

/** A key of a map or an index of a list. */
type Step = string | bigint;

/** What happens at the end of a path. */
type Edit =
  | { readonly case: "set"; readonly value: Value }
  | { readonly case: "remove" }
  | { readonly case: "splice"; readonly splice: Splice; readonly insert: Value[] };

function readStep({ step }: PathStep, name: string): Step {
  if (step.case === undefined) {
    throw new ValueError(name, "a step into it has neither key nor index; set one");
  }
  if (step.case === "index" && step.value < 0n) {
    throw new ValueError(name, `a step into it has the index ${step.value}; count from 0`);
  }
  return step.value;
}

function readEdit({ operation, steps, var: name }: Change): Edit {
  switch (operation.case) {
    case "null":
      return { case: "set", value: null };
    case "flag":
    case "integer":
    case "text":
      return { case: "set", value: operation.value };
    case "number":
      return { case: "set", value: decodeDouble(operation.value, name) };
    case "value":
      return { case: "set", value: decode(operation.value, name, steps.length) };
    case "remove":
      return { case: "remove" };
    case "splice":
      return {
        case: "splice",
        splice: operation.value,
        insert: decodeItems(operation.value.insert, name, steps.length + 1),
      };
    default:
      throw new ValueError(name, "has no operation that this version knows; set one");
  }
}

/** Follows the path into a container and returns what is there afterwards. */
function walk(container: Value | undefined, path: readonly Step[], edit: Edit, around: string): Value {
  const [step, ...rest] = path;
  if (step === undefined) {
    return spliced(container, edit, around);
  }
  const place = typeof step === "string" ? `${around}.${step}`.replace(/^\./, "") : `${around}[${step}]`;
  const last = rest.length === 0 && edit.case !== "splice";
  if (container instanceof Map) {
    walkMap(container, step, rest, last, edit, place);
  } else if (Array.isArray(container)) {
    walkList(container, step, rest, last, edit, place);
  } else {
    throw new ValueError(place, "there is no list or map around it");
  }
  return container;
}

function walkMap(
  map: Map<string, Value>,
  step: Step,
  rest: readonly Step[],
  last: boolean,
  edit: Edit,
  place: string,
): void {
  if (typeof step !== "string") {
    throw new ValueError(place, "the key of a map is a text");
  }
  if (last && edit.case === "set") {
    map.set(step, edit.value);
  } else if (!map.has(step)) {
    throw new ValueError(place, "there is no such place");
  } else if (last) {
    map.delete(step);
  } else {
    map.set(step, walk(map.get(step), rest, edit, place));
  }
}

function walkList(list: Value[], step: Step, rest: readonly Step[], last: boolean, edit: Edit, place: string): void {
  if (typeof step === "string" || step >= list.length) {
    throw new ValueError(place, "there is no such place");
  }
  const index = Number(step);
  if (last && edit.case !== "set") {
    throw new ValueError(place, "items of a list are removed by a splice");
  }
  list[index] = last && edit.case === "set" ? edit.value : walk(list[index], rest, edit, place);
}

function spliced(container: Value | undefined, edit: Edit, place: string): Value {
  if (!Array.isArray(container) || edit.case !== "splice") {
    throw new ValueError(place, "only a list can be spliced");
  }
  const { start, deleteCount } = edit.splice;
  const length = BigInt(container.length);
  if (start < 0n || deleteCount < 0n || start > length || deleteCount > length - start) {
    throw new ValueError(place, `there are no ${deleteCount} items at ${start} in a list of ${length}`);
  }
  const [begin, end] = [Number(start), Number(start + deleteCount)];
  // Not splice(): it takes the inserted items as arguments, of which a call has some hundred thousand at most.
  return container.slice(0, begin).concat(edit.insert, container.slice(end));
}
