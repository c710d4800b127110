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
  #started: Started | null = null;
  #starting: Promise<Started> | null = null;

  /** @param start rejects at once when its signal is aborted, and then leaves no process behind. */
  constructor(start: (signal: AbortSignal) => Promise<Started>) {
    this.#start = start;
  }

  /**
   * The engine that takes orders. Callers that come during a start wait for it, and share its failure.
   * @throws {ServerError} `server/stopping` after {@link close}; what the start throws, which is tried again at the next call.
   */
  current(): Promise<Started> {
    const { signal } = this.#closing;
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#started?.handle.ended === null) return Promise.resolve(this.#started);
    this.#starting ??= this.#next(signal);
    return this.#starting;
  }

  async #next(signal: AbortSignal): Promise<Started> {
    try {
      const started = await this.#start(signal);
      if (signal.aborted) started.handle.close();
      signal.throwIfAborted();
      this.#started = started;
      return started;
    } finally {
      this.#starting = null;
    }
  }

  /** Ends the engine, and a start that is under way. */
  close(): void {
    this.#closing.abort(new ServerError('server/stopping', 'the agent is stopping; send the request again in a moment'));
    this.#started?.handle.close();
  }
}
