import { closeSync, fstatSync, openSync, readdirSync, readFileSync } from "node:fs";
import type { SecureClientSessionOptions } from "node:http2";
import { isIP } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import type { Interceptor } from "@connectrpc/connect";

import { AppNotFoundError, FlowrpcError } from "./errors.js";

const TOKEN = /^[\x21-\x7e]+$/;

/** Which app to talk to and how. Without any the one running app of this user is found. */
export interface Options {
  /** `HOST:PORT` or `unix:PATH`; without it the app is found, and found again when it moves. */
  readonly address?: string;
  /** Data directory of the app that is meant, of several that run. */
  readonly dataDir?: string;
  /** Name of the app that is meant, of several that run. */
  readonly app?: string;
  /** Proves who calls. Apps that were found need none. */
  readonly token?: string;
  /** File that holds a token; only its owner may read it. */
  readonly tokenFile?: string;
  /** Encrypts the connection, `{}` with the usual certificates; without it a token is only sent within this host. */
  readonly tls?: SecureClientSessionOptions;
  /** Deadline of calls that name none; ten seconds. */
  readonly timeoutMs?: number;
  /** Interceptors of Connect, around those of the client. */
  readonly interceptors?: readonly Interceptor[];
}

/** The options, completed: where the app is and what proves who calls. */
export interface Target {
  readonly address: string;
  /** Where the app was found, if it was; there it is found again. */
  readonly dataDir?: string;
  readonly token: string;
}

/** What a running app writes into its data directory and into the run directory of its user. */
interface Entry {
  readonly name: string;
  readonly address: string;
  readonly data_dir: string;
  readonly pid: number;
  readonly token_file?: string;
}

/**
 * Finds the app that fits.
 *
 * @throws {@link AppNotFoundError} None fits, or several do.
 */
export function findTarget(options: Options): Target {
  if (options.address !== undefined) {
    return { address: options.address, token: readToken(options, options.address) };
  }
  const entry = findEntry(options);
  const token = readToken({ tokenFile: entry.token_file || undefined, ...options }, entry.address);
  return { address: entry.address, dataDir: entry.data_dir, token };
}

/** Returns the address of the app that runs on a data directory now, if one does. */
export function addressOf(dataDir: string): string | undefined {
  return readEntry(join(dataDir, "app.json"))?.address;
}

/** Whether what is sent to an address stays on this host. */
export function isLoopback(address: string): boolean {
  if (address.startsWith("unix:")) {
    return true;
  }
  const host = address.replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1");
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

function findEntry({ dataDir, app }: Options): Entry {
  if (dataDir !== undefined) {
    const entry = readEntry(join(resolve(dataDir), "app.json"));
    if (entry === undefined) {
      throw new AppNotFoundError(`no app runs on data directory ${dataDir}; \`flowctl ps\` lists the running apps`);
    }
    return entry;
  }
  const fitting = entries().filter((entry) => app === undefined || app === entry.name);
  const [first, second] = fitting;
  if (first === undefined) {
    const named = app === undefined ? "" : ` under the name ${app}`;
    throw new AppNotFoundError(
      `no app runs${named}; start one with \`flowctl run APP.py\`, or give an address and a token file`,
    );
  }
  if (second !== undefined) {
    const names = fitting.map((entry) => `${entry.name} in ${entry.data_dir}`).join(", ");
    throw new AppNotFoundError(`several apps fit: ${names}; name one by app or dataDir`);
  }
  return first;
}

function entries(): Entry[] {
  const folder = runDirectory();
  let files: string[];
  try {
    files = readdirSync(folder);
  } catch {
    return [];
  }
  return files
    .filter((file) => file.endsWith(".json"))
    .map((file) => readEntry(join(folder, file)))
    .filter((entry) => entry !== undefined);
}

function runDirectory(): string {
  const { FLOWRPC_RUN_DIR: chosen, XDG_RUNTIME_DIR: runtime } = process.env;
  return chosen || (runtime ? join(runtime, "flowrpc") : join(tmpdir(), `flowrpc-${process.geteuid?.()}`));
}

/** Reads an entry that is ours alone and whose process runs. */
function readEntry(path: string): Entry | undefined {
  try {
    const entry = JSON.parse(readPrivate(path)) as Entry;
    return entry.pid > 0 && isRunning(entry.pid) ? entry : undefined;
  } catch {
    return undefined;
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Reads a file that belongs to this user and that nobody else may read. */
function readPrivate(path: string): string {
  const file = openSync(path, "r");
  try {
    const { mode, uid } = fstatSync(file);
    if (process.geteuid !== undefined && (mode & 0o077) !== 0) {
      throw new FlowrpcError(`${path} is open to other users; run \`chmod 600 ${path}\``);
    }
    if (process.geteuid !== undefined && uid !== process.geteuid()) {
      throw new FlowrpcError(`${path} belongs to another user`);
    }
    return readFileSync(file, "utf8");
  } finally {
    closeSync(file);
  }
}

function readToken(
  { token, tokenFile, tls }: { token?: string | undefined; tokenFile?: string | undefined; tls?: object },
  address: string,
): string {
  const text = token || (tokenFile === undefined ? "" : readTokenFile(tokenFile));
  if (text === "") {
    return "";
  }
  if (!TOKEN.test(text)) {
    throw new FlowrpcError("the token has characters that none has");
  }
  if (tls === undefined && !isLoopback(address)) {
    throw new FlowrpcError(`${address} is not on this host: its token is only sent encrypted; give tls`);
  }
  return text;
}

function readTokenFile(path: string): string {
  try {
    return readPrivate(path).trim();
  } catch (error) {
    throw new FlowrpcError(`token file: ${(error as Error).message}`, { cause: error });
  }
}
