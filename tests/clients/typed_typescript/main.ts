// A till: what a stranger writes who has nothing but the contract of an app and the TypeScript client.
import { createClient } from "@connectrpc/connect";
import { CallError, connect } from "@flowrpc/client";

import { RootService } from "./gen/shop/v1/app_pb.js";

using client = connect({ dataDir: process.argv[2]!, timeoutMs: 60_000 });
const shop = createClient(RootService, client.transport);

const counted: bigint | undefined = (await shop.count({})).result;
console.log(`counted ${counted}`);
for (const request of [{ text: "typed" }, {}]) {
  try {
    await shop.fail(request);
  } catch (error) {
    console.log(error instanceof CallError ? `refused ${error.reason} ${[...error.violations.keys()]}`.trim() : error);
  }
}
const kept = await shop.keep({ value: { kind: { case: "intValue", value: 2n ** 53n + 1n } } });
console.log(`kept ${kept.result?.kind.value}`);

try {
  for await (const { item } of shop.rows({ start: 2n ** 53n + 1n, fail: "typed" })) {
    console.log(`row ${item?.number} ${item?.name}`);
  }
} catch (error) {
  console.log(error instanceof CallError ? `refused ${error.reason}` : error);
}
const ticks = new AbortController();
for await (const { item } of shop.ticks({}, { signal: ticks.signal })) {
  if (item === 20n) {
    break;
  }
}
ticks.abort(); // leaving the loop over a stream of Connect does not end the stream
while (!(await shop.getState({})).state?.left);
console.log("left");

const watch = new AbortController();
for await (const { state } of shop.watchState({}, { signal: watch.signal })) {
  if (state?.counted === counted) {
    console.log(`watched ${state?.counted}`);
    break;
  }
}
watch.abort();
