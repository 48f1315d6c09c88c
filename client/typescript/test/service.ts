import { createServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

import type { ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { connect, type Client, type Options } from "@flowrpc/client";
import { FlowService } from "@flowrpc/client/flowrpc/v1/flow_service_pb.js";

/** Serves some methods on loopback, or on a socket, until the test ends; `cut` breaks all connections. */
export async function serve(
  context: TestContext,
  methods: Partial<ServiceImpl<typeof FlowService>>,
  options: Options = {},
): Promise<{ client: Client; address: string; cut: () => void }> {
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer(connectNodeAdapter({ routes: (router) => router.service(FlowService, methods) }));
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", () => undefined);
  });
  const cut = () => sessions.forEach((session) => session.destroy());
  const path = options.address?.replace(/^unix:/, "");
  await new Promise<void>((listening) => server.listen(path ? { path } : { port: 0, host: "127.0.0.1" }, listening));
  const { port } = server.address() as AddressInfo;
  const client = connect({ address: `127.0.0.1:${port}`, timeoutMs: 30_000, ...options });
  context.after(() => {
    client.close();
    cut();
    server.close();
  });
  return { client, address: `127.0.0.1:${port}`, cut };
}
