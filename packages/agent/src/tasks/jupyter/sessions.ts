/**
 * The table of notebook-like sessions: which cell came last and how many there were. The state itself lives in the sandbox; each
 * cell's claim names the claim of the cell before, so that a session can be replayed from its start.
 */

import { randomBytes } from 'node:crypto';
import { ServerError } from '../../errors.ts';

export interface Session {
  readonly id: string;
  /** Claim digest of the last cell, lower-case hex; `null` before the first. */
  readonly previousClaim: string | null;
  readonly cells: number;
  /** Why the state of the earlier cells is gone, when it is: this cell begins in a new process. */
  readonly lost: string | null;
}

/** How a cell left its session. */
export type CellEnd =
  | { readonly state: 'kept'; readonly claim: string }
  /** `reason` is told to the next cell; `null` when the caller was told by an error. */
  | { readonly state: 'lost'; readonly reason: string | null };

interface Entry extends Session {
  readonly owner: string | null;
  readonly usedAt: number;
  readonly busy: boolean;
}

const IDLE_MS = 30 * 60_000;
const MOST = 100;

export class Sessions {
  readonly #entries = new Map<string, Entry>();

  /**
   * Takes a session for one cell, or begins one. A session belongs to the key that began it.
   * @throws {ServerError} `http/conflict` while another cell runs, `server/busy` when there are too many.
   */
  take(id: string | undefined, owner: string | null, now: number): Session {
    for (const [key, entry] of this.#entries) if (!entry.busy && now - entry.usedAt > IDLE_MS) this.#entries.delete(key);
    const sessionId = id ?? randomBytes(16).toString('hex');
    const key = keyOf(sessionId, owner);
    const entry = this.#entries.get(key) ?? {
      id: sessionId,
      owner,
      previousClaim: null,
      cells: 0,
      lost: null,
      usedAt: now,
      busy: false,
    };
    if (entry.busy)
      throw new ServerError('http/conflict', 'a cell of this session is still running; wait for it, or cancel its task');
    if (!this.#entries.has(key) && this.#entries.size >= MOST) {
      throw new ServerError(
        'server/busy',
        `there are ${MOST} sessions already; reuse one, or wait until one was idle for 30 minutes`,
        { details: { retryAfterSeconds: 60 } },
      );
    }
    this.#entries.set(key, { ...entry, busy: true });
    return entry;
  }

  /** Gives a session back. A session whose state is lost begins again with its next cell, which is told why. */
  giveBack(session: Session, owner: string | null, end: CellEnd, now: number): void {
    const key = keyOf(session.id, owner);
    const entry = { id: session.id, owner, usedAt: now, busy: false };
    if (end.state === 'kept') {
      this.#entries.set(key, { ...entry, previousClaim: end.claim, cells: session.cells + 1, lost: null });
    } else if (end.reason === null) this.#entries.delete(key);
    else this.#entries.set(key, { ...entry, previousClaim: null, cells: 0, lost: end.reason });
  }
}

function keyOf(id: string, owner: string | null): string {
  return JSON.stringify([owner, id]);
}
