// Calls a command of the one running app of this user and waits until its state shows it:
//
//     node dist/examples/quickstart.js add '{"name": "ann"}'
import { connect, toJson, type Input } from "@flowrpc/client";

const [command, text, ...others] = process.argv.slice(2);
if (command === undefined || text === undefined || others.length > 0) {
  console.error("usage: quickstart COMMAND ARGUMENTS_AS_JSON");
  process.exit(2);
}
// JSON does not tell integers from doubles: what has no fraction is meant as an integer here.
const args = JSON.parse(text, (_, value: unknown) =>
  Number.isSafeInteger(value) ? BigInt(value as number) : value,
) as Record<string, Input>;

using client = connect();
using replica = client.replicate("root");
const answer = await client.call(command, args);
await replica.waitFor(answer.revision, { timeoutMs: 30_000 });
for (const [name, value] of replica.vars("root") ?? []) {
  console.log(`${name} = ${toJson(value)}`);
}
