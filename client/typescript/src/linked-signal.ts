/** Lets a controller abort with a signal too, and leaves nothing on the signal when it did. */
export function linkedSignal(signal: AbortSignal | undefined, controller: AbortController): AbortSignal {
  const abort = () => controller.abort(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true, signal: controller.signal });
  if (signal?.aborted) {
    abort();
  }
  return controller.signal;
}
