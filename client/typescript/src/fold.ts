import { create } from "@bufbuild/protobuf";

import { MismatchError, ServiceStoppingError, ValueError } from "./errors.js";
import {
  WatchEndReason,
  WatchStateRequestSchema,
  type Bookmark,
  type Snapshot,
  type WatchEnd,
  type WatchStateRequest,
  type WatchStateResponse,
} from "./gen/flowrpc/v1/flow_service_pb.js";
import type { Revision } from "./gen/flowrpc/v1/state_pb.js";
import { Tree } from "./tree.js";

/** A replica without a stream: it is told message by message. */
export class Fold {
  state = new Tree();
  revision = 0n;
  journalId = "";
  /** Whether there is a state that is trusted. */
  ready = false;
  /** How the app ended, if it did. */
  end: WatchEnd | undefined;

  /** Of which not all parts are here. */
  #snapshot: Tree | undefined;
  #parts: Revision[] = [];

  /** Makes the request that goes on where the fold is, and drops what came in parts without an end. */
  resume(component: string): WatchStateRequest {
    this.#snapshot = undefined;
    this.#parts = [];
    const from = this.ready ? { afterRevision: this.revision, journalId: this.journalId } : {};
    return create(WatchStateRequestSchema, { component, ...from });
  }

  /** Takes the next message of a watch. */
  take({ update, more }: WatchStateResponse): void {
    if (update.case === "revision") {
      this.#takeRevision(update.value, more);
      return;
    }
    this.#parts = []; // a snapshot takes their place
    switch (update.case) {
      case "snapshot":
        return this.#takeSnapshot(update.value);
      case "bookmark":
        return this.#takeBookmark(update.value);
      case "end":
        return this.#takeEnd(update.value);
      default: // a newer service may say what this version does not know
        return;
    }
  }

  #takeSnapshot(part: Snapshot): void {
    if (part.first || this.#snapshot === undefined) {
      this.#snapshot = new Tree();
      this.#snapshot.app = part.app;
    }
    this.#snapshot.add(part.components);
    this.#snapshot.addRuns(part.runs);
    if (!part.last) {
      return; // the old state stays until the last part is here
    }
    this.state = this.#snapshot;
    this.#snapshot = undefined;
    this.revision = part.revision;
    this.journalId = part.journalId;
    this.ready = true;
    this.#compare(part.stateHash);
  }

  #takeRevision(part: Revision, more: boolean): void {
    const place = `revision ${part.number}`;
    const [first] = this.#parts;
    if (part.number < 1n || part.time === undefined) {
      throw new ValueError(place, "has no number or no time; set both");
    }
    if (first !== undefined && first.number !== part.number) {
      throw new ValueError(place, `comes before the end of ${first.number}; watch again`);
    }
    if (!this.ready || part.number <= this.revision) {
      throw new ValueError(place, `does not follow ${this.revision}; watch again`);
    }
    this.#parts.push(part);
    if (!more) {
      const parts = this.#parts;
      this.#parts = [];
      this.#apply(joined(parts));
    }
  }

  #apply(whole: Revision): void {
    try {
      this.state.fold(whole);
    } catch (error) {
      this.ready = false;
      throw error;
    }
    this.revision = whole.number;
  }

  #takeBookmark(bookmark: Bookmark): void {
    const place = `bookmark ${bookmark.revision}`;
    if (!this.ready || bookmark.revision < this.revision) {
      throw new ValueError(place, `is before ${this.revision}; watch again`);
    }
    if (bookmark.journalId !== this.journalId) {
      throw new ValueError(place, `is of another journal, ${bookmark.journalId}; watch again`);
    }
    this.revision = bookmark.revision;
    this.#compare(bookmark.stateHash);
  }

  #takeEnd(end: WatchEnd): void {
    if (end.reason === WatchEndReason.SERVICE_STOPPING) {
      throw new ServiceStoppingError(end.message);
    }
    this.end = end;
    this.state.app = end.app ?? this.state.app;
  }

  #compare(told: string): void {
    if (told === "") {
      return;
    }
    const own = this.state.stateHash();
    if (own !== told) {
      this.ready = false;
      throw new MismatchError(this.revision, own, told);
    }
  }
}

/** Adds up the lists of parts. */
function joined(parts: readonly Revision[]): Revision {
  const [first, ...others] = parts as [Revision, ...Revision[]];
  if (others.length === 0) {
    return first;
  }
  const app = parts.find((part) => part.app !== undefined)?.app;
  return {
    ...first,
    deltas: parts.flatMap((part) => part.deltas),
    runs: parts.flatMap((part) => part.runs),
    forgottenRuns: parts.flatMap((part) => part.forgottenRuns),
    ...(app && { app }),
  };
}
