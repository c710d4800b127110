/**
 * Sessions: a cell that stays alive from one job to the next, so that names and files do too. Each job names the claim of the
 * previous one; a session that cannot be continued says so instead of starting afresh in silence.
 *
 * Between two jobs the cell is stopped (`Cell.freeze`), its limits are watched, and a timer ends it when it was idle too long.
 */

import { SandboxError } from '../errors.ts';
import type { Cell } from './cell.ts';

const IDLE_MS = 10 * 60 * 1000;
const MAX_SESSIONS = 16;
/** How often the limits of idle sessions are looked at. Their processes are stopped, so only what came late can exceed them. */
const WATCH_MS = 1_000;

interface Session {
  readonly cell: Cell;
  /** Files that earlier jobs left or were given, by path and SHA-256. */
  readonly known: Map<string, string>;
  lastClaim: string | null;
  busy: boolean;
  /** True once the process of the session has ended. */
  dead: boolean;
  expiry: NodeJS.Timeout | null;
  watch: NodeJS.Timeout | null;
}

const AT_WORK = { busy: true, dead: false, expiry: null, watch: null };

/** The session for the time of one job. */
export interface HeldSession {
  readonly cell: Cell;
  readonly known: Map<string, string>;
  readonly warm: boolean;
  /** Says how the job ended: its claim digest, or `null` when the session cannot go on. */
  settle(claim: string | null): void;
  /** Ends the job's hold; a job that never settled ends the session. */
  leave(): void;
}

export class Sessions {
  readonly #sessions = new Map<string, Session>();
  readonly #starting = new Set<string>();

  /**
   * The session of this id, started when it is new.
   *
   * @throws {SandboxError} `sandbox/session-lost`, `sandbox/session-mismatch`, `sandbox/busy`.
   */
  async claim(
    wanted: { readonly id: string; readonly previousClaim: string | null },
    start: () => Promise<Cell>,
  ): Promise<HeldSession> {
    let known = this.#sessions.get(wanted.id);
    if (known?.dead === true && !known.busy) {
      await this.#drop(wanted.id);
      known = undefined;
    }
    if (known === undefined) {
      if (wanted.previousClaim !== null) {
        throw new SandboxError('sandbox/session-lost', 'the session has ended; start a new one with its first cell');
      }
      return this.#hold(wanted.id, await this.#begin(wanted.id, start), false);
    }
    if (known.busy) throw new SandboxError('sandbox/busy', 'the session runs another cell; wait for its result');
    if (known.lastClaim !== wanted.previousClaim) {
      throw new SandboxError('sandbox/session-mismatch', 'expected the claim digest of the previous cell of this session');
    }
    known.busy = true;
    unwatch(known);
    return this.#hold(wanted.id, known, true);
  }

  async #begin(id: string, start: () => Promise<Cell>): Promise<Session> {
    if (this.#starting.has(id)) throw new SandboxError('sandbox/busy', 'the session is starting; wait for its first result');
    this.#starting.add(id);
    try {
      if (this.#sessions.size >= MAX_SESSIONS) await this.#evict();
      const session: Session = { cell: await start(), known: new Map(), lastClaim: null, ...AT_WORK };
      this.#sessions.set(id, session);
      void session.cell.ended.then(() => {
        session.dead = true;
        if (!session.busy && this.#sessions.get(id) === session) void this.#drop(id);
      });
      return session;
    } finally {
      this.#starting.delete(id);
    }
  }

  #hold(id: string, session: Session, warm: boolean): HeldSession {
    let alive = false;
    return {
      cell: session.cell,
      known: session.known,
      warm,
      settle: (claim) => {
        alive = claim !== null;
        session.lastClaim = claim;
      },
      leave: () => {
        session.busy = false;
        if (!alive || session.dead) void this.#drop(id);
        else this.#rest(id, session);
      },
    };
  }

  #rest(id: string, session: Session): void {
    session.expiry = setTimeout(() => void this.#drop(id), IDLE_MS).unref();
    session.watch = setInterval(() => {
      if (exceeds(session.cell)) void this.#drop(id);
    }, WATCH_MS).unref();
  }

  /** Makes room by ending the session that has been idle longest. */
  async #evict(): Promise<void> {
    const idle = [...this.#sessions].find(([, session]) => !session.busy);
    if (idle === undefined)
      throw new SandboxError('sandbox/busy', `expected at most ${MAX_SESSIONS} sessions; try again later`);
    await this.#drop(idle[0]);
  }

  async #drop(id: string): Promise<void> {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessions.delete(id);
    unwatch(session);
    await session.cell.dispose();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sessions.keys()].map((id) => this.#drop(id)));
  }
}

function unwatch({ expiry, watch }: Session): void {
  if (expiry !== null) clearTimeout(expiry);
  if (watch !== null) clearInterval(watch);
}

/** True when an idle cell uses more than it may. */
function exceeds(cell: Cell): boolean {
  const { memoryBytes, diskBytes = 0, inodes, processes = 0, excess } = cell.usage();
  const { limits } = cell;
  return (
    excess !== undefined ||
    memoryBytes > limits.memoryBytes ||
    diskBytes > limits.diskBytes ||
    inodes > limits.inodes + 1 ||
    processes > limits.processes
  );
}
