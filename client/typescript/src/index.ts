/**
 * The client of apps that flowrpc serves: it calls their commands and follows their state.
 *
 * ```ts
 * const client = connect(); // the one running app of this user
 * const answer = await client.call("add", { name: "ann", times: 2n });
 * const replica = client.replicate("root");
 * await replica.waitFor(answer.revision);
 * ```
 *
 * @packageDocumentation
 */
export { Client, connect, type Answer, type CallOptions, type Item, type StreamOptions } from "./client.js";
export { AppNotFoundError, CallError, CommandFailedError, FlowrpcError, MismatchError, ValueError } from "./errors.js";
export { Replica, type State, type View, type WaitOptions } from "./replica.js";
export { newRequestId } from "./request-id.js";
export type { Options } from "./target.js";
export type { Component, Kind, Recipe } from "./tree.js";
export { Extension, toJson, type Input, type Value } from "./value.js";
export { encode as toMessage } from "./value-writing.js";
export { decode as fromMessage } from "./value-reading.js";
