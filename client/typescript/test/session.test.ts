import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectSocket, createServer, type AddressInfo, type Socket } from "node:net";
import { test } from "node:test";

import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { toMessage } from "@flowrpc/client";
import { FlowService } from "@flowrpc/client/flowrpc/v1/flow_service_pb.js";
import { Session } from "../src/session.js";
import { serve } from "./service.js";

test("a frozen service is noticed, and called again when it goes on", { timeout: 60_000 }, async (context) => {
  const { address } = await serve(context, {
    callCommand: () => ({ outcome: { case: "result" as const, value: toMessage(null) } }),
    async *watchState() {
      yield {};
      await new Promise(() => undefined);
    },
  });
  // Between client and service stands what passes nothing on while it is frozen, and breaks no connection.
  const sockets: Socket[] = [];
  const between = createServer((client) => {
    const service = connectSocket(Number(address.split(":")[1]), "127.0.0.1");
    sockets.push(client.pipe(service), service.pipe(client));
    for (const each of [client, service]) {
      each.on("error", () => undefined);
    }
  });
  between.listen(0, "127.0.0.1");
  await once(between, "listening");
  const baseUrl = `http://127.0.0.1:${(between.address() as AddressInfo).port}`;
  const sessionManager = new Session(baseUrl, { intervalMs: 50, timeoutMs: 500 }, {});
  context.after(() => {
    sessionManager.abort();
    sockets.forEach((socket) => socket.destroy());
    between.close();
  });
  const client = createClient(FlowService, createGrpcTransport({ baseUrl, sessionManager }));

  const followed = (async () => {
    for await (const _ of client.watchState({})) {
      sockets.forEach((socket) => socket.unpipe().pause());
    }
  })();
  await assert.rejects(followed, (error) => error instanceof ConnectError && error.code === Code.Unavailable);
  assert.equal((await client.callCommand({})).outcome.case, "result");
});
