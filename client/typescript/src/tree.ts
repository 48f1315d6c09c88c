import { applyChange } from "./change.js";
import { ValueError } from "./errors.js";
import type { AppStatus } from "./gen/flowrpc/v1/app_pb.js";
import { RunStatus, type Run } from "./gen/flowrpc/v1/run_pb.js";
import {
  ComponentKind,
  type Change,
  type Component as ComponentMessage,
  type Delta,
  type Recipe as RecipeMessage,
  type Revision,
} from "./gen/flowrpc/v1/state_pb.js";
import { digest, hashed } from "./hash.js";
import { decodeEntries, decodeItems } from "./value-reading.js";
import { copyEntries, type Value } from "./value.js";

/** How many ended runs of a work are kept, as many as a snapshot has. */
const KEPT_RUNS = 20;

/** What a component is. */
export type Kind = "flow" | "work" | "list" | "dict";

/** How a component is built again: its class and its constructor's arguments. */
export interface Recipe {
  readonly type: string;
  readonly args: Value[];
  readonly kwargs: Map<string, Value>;
}

/** One component at one revision, without what is below it. */
export interface Component {
  readonly name: string;
  readonly kind: Kind;
  /** The class as `module:qualified.name`. */
  readonly type: string;
  /** In the order of their definition; those whose names begin with `_` belong to the framework. */
  readonly vars: Map<string, Value>;
  /** Absent if the constructor of the component around it builds it. */
  readonly recipe?: Recipe;
}

const KINDS: ReadonlyMap<ComponentKind, Kind> = new Map([
  [ComponentKind.FLOW, "flow"],
  [ComponentKind.WORK, "work"],
  [ComponentKind.LIST, "list"],
  [ComponentKind.DICT, "dict"],
]);

/** A component that remembers the hashes of what did not change, so that a change costs hashing one var. */
class Node {
  readonly #digests = new Map<string, Buffer>();
  #whole: Buffer | undefined;

  constructor(readonly component: Component) {}

  changed(name: string): void {
    this.#digests.delete(name);
    this.#whole = undefined;
  }

  digest(): Buffer {
    this.#whole ??= digest(hashed(this.#head()), ...this.#varDigests());
    return this.#whole;
  }

  #head(): Value {
    const { name, kind, type, recipe } = this.component;
    return [name, kind, type, recipe ? [recipe.type, recipe.args, recipe.kwargs] : null];
  }

  *#varDigests(): Generator<Buffer> {
    for (const [name, value] of this.component.vars) {
      let known = this.#digests.get(name);
      if (known === undefined) {
        known = digest(hashed(name, value));
        this.#digests.set(name, known);
      }
      yield known;
    }
  }
}

/** The state at one revision: what comes of folding revisions. */
export class Tree {
  /** By name, parents before children, siblings in order of attachment. */
  readonly #nodes = new Map<string, Node>();
  readonly #runs = new Map<string, Run>();
  app: AppStatus | undefined;

  get(name: string): Component | undefined {
    return this.#nodes.get(name)?.component;
  }

  /** Copies the components. */
  components(): Component[] {
    return Array.from(this.#nodes.values(), ({ component }) => ({ ...component, vars: copyEntries(component.vars) }));
  }

  /** Returns the runs, newest first. */
  runs(): Run[] {
    return [...this.#runs.values()].sort(newestFirst);
  }

  /**
   * Hashes all components in the order of their names' UTF-8 bytes; in hexadecimal digits. JavaScript's own order, by
   * UTF-16, puts emoji before some of their neighbours.
   */
  stateHash(): string {
    const named = Array.from(this.#nodes, ([name, node]) => ({ bytes: Buffer.from(name), node }));
    named.sort((one, other) => Buffer.compare(one.bytes, other.bytes));
    return digest(...named.map(({ node }) => node.digest())).toString("hex");
  }

  /** Adds components; one that is split over several has all their vars. */
  add(messages: readonly ComponentMessage[]): void {
    for (const message of messages) {
      const component = readComponent(message);
      const known = this.get(component.name);
      if (known === undefined) {
        this.#put(component);
      } else {
        component.vars.forEach((value, name) => known.vars.set(name, value)); // nothing of it was hashed yet
      }
    }
  }

  addRuns(runs: readonly Run[]): void {
    for (const run of runs) {
      this.#runs.set(run.runId, run);
    }
  }

  /** Applies a revision. If it is refused the tree is of no use any more. */
  fold(revision: Revision): void {
    for (const delta of revision.deltas) {
      this.#foldDelta(delta);
    }
    this.addRuns(revision.runs);
    for (const id of revision.forgottenRuns) {
      this.#runs.delete(id);
    }
    this.app = revision.app ?? this.app;
    if (revision.runs.length > 0 || revision.deltas.some((delta) => delta.detached)) {
      this.#forgetRuns();
    }
  }

  #foldDelta(delta: Delta): void {
    if (delta.component === "") {
      throw new ValueError("delta", "names no component; set Delta.component");
    }
    if (delta.attached) {
      this.#put(readComponent(delta.attached));
    }
    this.#change(delta.component, delta.changes);
    if (delta.detached) {
      this.#detach(delta.component);
    }
  }

  #put(component: Component): void {
    this.#nodes.set(component.name, new Node(component));
  }

  #change(name: string, changes: readonly Change[]): void {
    const node = this.#nodes.get(name);
    for (const change of changes) {
      if (node === undefined) {
        throw new ValueError(name, "no such component");
      }
      applyChange(node.component.vars, change);
      node.changed(change.var);
    }
  }

  #detach(name: string): void {
    for (const known of this.#nodes.keys()) {
      if (known === name || known.startsWith(`${name}.`)) {
        this.#nodes.delete(known);
      }
    }
  }

  /** Keeps memory bounded: the newest ended runs of each work, and none of works that are gone. */
  #forgetRuns(): void {
    const ended = new Map<string, number>();
    for (const run of this.runs()) {
      const count = (ended.get(run.work) ?? 0) + Number(run.status >= RunStatus.SUCCEEDED);
      ended.set(run.work, count);
      const tooOld = run.status >= RunStatus.SUCCEEDED && count > KEPT_RUNS;
      if (tooOld || !this.#nodes.has(run.work)) {
        this.#runs.delete(run.runId);
      }
    }
  }
}

function newestFirst(one: Run, other: Run): number {
  const [left, right] = [one.requestedAt, other.requestedAt];
  return (
    Number((right?.seconds ?? 0n) - (left?.seconds ?? 0n)) ||
    (right?.nanos ?? 0) - (left?.nanos ?? 0) ||
    Number(one.runId > other.runId) ||
    -1
  );
}

function readComponent(message: ComponentMessage): Component {
  const { name, type } = message;
  if (name === "") {
    throw new ValueError("component", "has no name; set Component.name");
  }
  const kind = KINDS.get(message.kind);
  if (kind === undefined) {
    throw new ValueError(name, `is of a kind that this version does not know: ${message.kind}`);
  }
  const component = { name, kind, type, vars: decodeEntries(message.vars, name, 0) };
  return message.recipe ? { ...component, recipe: readRecipe(message.recipe, name) } : component;
}

function readRecipe(message: RecipeMessage, name: string): Recipe {
  const args = decodeItems(message.args, `${name}.args`, 0);
  return { type: message.type, args, kwargs: decodeEntries(message.kwargs, `${name}.kwargs`, 0) };
}
