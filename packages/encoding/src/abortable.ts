/** Waiting that an {@link AbortSignal} ends, whether or not the work behind it stops. */

/**
 * What `work` comes to, or the reason of `signal` when that comes first.
 *
 * @param stopped called once when the signal comes first, before the promise rejects.
 * @throws the signal's reason, or what `work` throws.
 * @example const loaded = await unlessAborted(load(), request.signal);
 */
export function unlessAborted<Value>(
  work: Promise<Value>,
  signal: AbortSignal | undefined,
  stopped?: () => void,
): Promise<Value> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      stopped?.();
      reject(signal.reason);
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
