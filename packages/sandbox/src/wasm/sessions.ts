/**
 * Sessions: a guest that waits, stopped, between cells, for one caller, until a timer ends it. Cells are chained by claim digest:
 * a cell that does not name the last claim is refused, so that the chain in the receipts is the chain that ran.
 */

import { SandboxError } from '../errors.ts';
import type { GuestLanguage } from './guest-pool.ts';
import type { GuestProcess } from './guest-process.ts';

const IDLE_MS = 30 * 60_000;
const MAX_SESSIONS = 8;

export interface Session {
  readonly guest: GuestProcess;
  readonly language: GuestLanguage;
  readonly lastClaim: string;
  readonly usedAt: number;
  /** Ends the session when it was idle too long. */
  readonly expiry: ReturnType<typeof setTimeout>;
  busy: boolean;
}

export class Sessions {
  readonly #open = new Map<string, Session>();
  readonly #idleMs: number;

  /** @param idleMs how long a session lives without a cell, in milliseconds */
  constructor(idleMs: number = IDLE_MS) {
    this.#idleMs = idleMs;
  }

  /**
   * The guest that holds the session's state, marked busy; `null` when a new one is to be started.
   *
   * @throws {SandboxError} `sandbox/session-lost`, `sandbox/session-mismatch`, `sandbox/busy`.
   */
  resume(id: string, previousClaim: string | null, language: GuestLanguage): Session | null {
    const session = this.#open.get(id);
    if (session?.busy) throw new SandboxError('sandbox/busy', 'a cell of this session is still running; wait for it');
    if (previousClaim === null) {
      this.end(id);
      return null;
    }
    if (session === undefined || !session.guest.alive) {
      this.end(id);
      throw new SandboxError('sandbox/session-lost', 'this session is not here any more; run its cells again in a new one');
    }
    if (session.lastClaim !== previousClaim || session.language !== language) {
      throw new SandboxError(
        'sandbox/session-mismatch',
        'expected the claim digest and language of the previous cell; pass those',
      );
    }
    session.busy = true;
    clearTimeout(session.expiry);
    session.guest.ref();
    return session;
  }

  /** Keeps a guest for the next cell. */
  keep(id: string, guest: GuestProcess, language: GuestLanguage, lastClaim: string): void {
    const others = [...this.#open].filter(([other, session]) => other !== id && !session.busy);
    if (others.length >= MAX_SESSIONS) {
      const oldest = others.reduce((a, b) => (a[1].usedAt <= b[1].usedAt ? a : b));
      this.end(oldest[0]);
    }
    guest.unref();
    const expiry = setTimeout(() => this.end(id), this.#idleMs);
    expiry.unref();
    this.#open.set(id, { guest, language, lastClaim, usedAt: Date.now(), expiry, busy: false });
  }

  end(id: string): void {
    const session = this.#open.get(id);
    if (session === undefined) return;
    clearTimeout(session.expiry);
    session.guest.kill();
    this.#open.delete(id);
  }

  close(): void {
    for (const id of [...this.#open.keys()]) this.end(id);
  }
}
