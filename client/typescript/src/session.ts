import { constants, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";

import { Code, ConnectError } from "@connectrpc/connect";
import { Http2SessionManager } from "@connectrpc/connect-node";

/** How often a service is asked for a sign of life, and how long it may take for one. */
export interface KeepAlive {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/**
 * The HTTP/2 connection to one address. It notices a service that is frozen, which TCP does not for minutes.
 *
 * Connect could ping too, but lets go of a session before the session's last error, and pings some that are destroyed: both
 * end the process (connectrpc/connect-es 1768 and 1795).
 */
export class Session extends Http2SessionManager {
  readonly #keepAlive: KeepAlive;
  readonly #kept = new WeakSet<ClientHttp2Session>();

  constructor(url: string, keepAlive: KeepAlive, options: ConstructorParameters<typeof Http2SessionManager>[2]) {
    super(url, {}, options);
    this.#keepAlive = keepAlive;
  }

  override async request(...request: Parameters<Http2SessionManager["request"]>): Promise<ClientHttp2Stream> {
    const stream = await super.request(...request);
    const session = stream.session as ClientHttp2Session | undefined;
    if (session !== undefined && !this.#kept.has(session)) {
      this.#kept.add(session);
      session.on("error", () => undefined); // its streams tell it
      keepAlive(session, this.#keepAlive);
    }
    return stream;
  }
}

/** Destroys a session that does not answer; no timer of it keeps the process alive. */
function keepAlive(session: ClientHttp2Session, { intervalMs, timeoutMs }: KeepAlive): void {
  const dead = () =>
    session.destroy(new ConnectError("the service did not answer a ping", Code.Unavailable), constants.NGHTTP2_CANCEL);
  const timer = setInterval(() => {
    if (!session.destroyed) {
      const timeout = setTimeout(dead, timeoutMs).unref();
      session.ping(() => clearTimeout(timeout));
    }
  }, intervalMs).unref();
  session.once("close", () => clearInterval(timer));
}
