/**
 * A sandbox that is being opened. The first start of a lane can take a while, because it prepares its runtime and tests itself; the
 * agent listens meanwhile, and work that needs the sandbox waits. Until it is open nothing runs anywhere.
 */

import { SandboxError } from './errors.ts';
import type { Sandbox } from './port.ts';
import type { LaneRefusal, SandboxSelection } from './select.ts';

export class OpeningSandbox {
  /** Rejects when no lane may serve. */
  readonly ready: Promise<void>;
  #selection: SandboxSelection | null = null;

  constructor(selection: Promise<SandboxSelection>) {
    this.ready = selection.then((found) => {
      this.#selection = found;
    });
    this.ready.catch(() => undefined); // its users are told
  }

  /** The sandbox, `null` while it is being opened and when it could not be. */
  get current(): Sandbox | null {
    return this.#selection?.sandbox ?? null;
  }

  /** Lanes that were passed over; empty while it is being opened. */
  get refused(): readonly LaneRefusal[] {
    return this.#selection?.refused ?? [];
  }

  /** The sandbox. @throws {SandboxError} `sandbox/unavailable` before it is open. */
  now(): Sandbox {
    const { current } = this;
    if (current !== null) return current;
    throw new SandboxError('sandbox/unavailable', 'the sandbox is not open yet; try again in a moment');
  }

  /** Waits until it is open or failed, at most `ms` milliseconds. @throws what made the opening fail. */
  async patiently(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.max(0, ms));
    });
    try {
      await Promise.race([this.ready, enough]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Closes it, also when it is opened only later. */
  async close(): Promise<void> {
    await this.ready.catch(() => undefined);
    await this.current?.close();
  }
}
