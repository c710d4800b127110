/** One engine at a time, started when it is needed: also after its process ended, and after a start that failed. */

import { ServerError } from '../../../errors.ts';
import type { EngineHandle } from './engine-handle.ts';

/** An engine, with what its owner keeps about it. */
export interface StartedEngine {
  readonly handle: Pick<EngineHandle, 'ended' | 'close'>;
}

/**
 * @example
 * const starts = new EngineStarts(async (signal) => ({ handle: await EngineHandle.start({ ...order, signal }) }));
 * const { handle } = await starts.current();
 */
export class EngineStarts<Started extends StartedEngine> {
  readonly #start: (signal: AbortSignal) => Promise<Started>;
  readonly #closing = new AbortController();
  #running: Promise<Started> | null = null;

  /** @param start rejects at once when its signal is aborted, and then leaves no process behind. */
  constructor(start: (signal: AbortSignal) => Promise<Started>) {
    this.#start = start;
  }

  /**
   * The engine that takes orders. Of several callers that meet one that ended, the first starts the next one.
   * @throws {ServerError} `server/stopping` after {@link close}; what the start throws, which is tried again at the next call.
   */
  current(): Promise<Started> {
    const { signal } = this.#closing;
    if (signal.aborted) return Promise.reject(signal.reason);
    const again = (): Promise<Started> => this.#start(signal);
    const running = this.#running;
    this.#running =
      running === null ? again() : running.then((found) => (found.handle.ended === null ? found : again()), again);
    return this.#running;
  }

  /** Ends the engine, and a start that is under way. */
  close(): void {
    this.#closing.abort(new ServerError('server/stopping', 'the agent is stopping; send the request again in a moment'));
    this.#running?.then(
      ({ handle }) => handle.close(),
      () => undefined, // its start failed, or was ended
    );
  }
}
