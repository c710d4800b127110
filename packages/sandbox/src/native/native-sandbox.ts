/** The sandbox port over cells: checks the job, waits its turn, keeps sessions, runs it. Shared by the native lanes. */

import { randomBytes } from 'node:crypto';
import type { ExecutionLanguage, ExecutionLimits } from '@assay/receipt';
import { SandboxError } from '../errors.ts';
import { digestInputs } from '../files.ts';
import { MAXIMUM_LIMITS, mergeLimits } from '../limits.ts';
import type { Sandbox, SandboxCapabilities, SandboxEvent, SandboxJob } from '../port.ts';
import { Turns } from '../turns.ts';
import type { Cell, CellFactory, CellKind } from './cell.ts';
import { Execution } from './execution.ts';
import { CellPool } from './pool.ts';
import { Sessions } from './sessions.ts';

const MAX_CODE = 1024 * 1024;
const SEED = /^[0-9a-f]{64}$/;

export interface NativeSandboxOptions {
  readonly capabilities: SandboxCapabilities;
  readonly factory: CellFactory;
  readonly concurrency: number;
  readonly warm: number;
  /** What the lane itself has to take down, after every cell is gone. */
  readonly release: () => Promise<void>;
}

/** See {@link Sandbox}. */
export class NativeSandbox implements Sandbox {
  readonly capabilities: SandboxCapabilities;
  readonly pool: CellPool;
  readonly #options: NativeSandboxOptions;
  readonly #turns: Turns;
  readonly #sessions = new Sessions();
  readonly #live = new Set<Cell>();
  #closing: Promise<void> | null = null;

  constructor(options: NativeSandboxOptions) {
    this.#options = options;
    this.capabilities = options.capabilities;
    this.pool = new CellPool(options.factory, options.warm);
    this.#turns = new Turns(options.concurrency);
    this.pool.fill();
  }

  /**
   * See {@link Sandbox.run}.
   *
   * @throws {SandboxError} before anything runs: `sandbox/limit-invalid`, `sandbox/limit-too-high`, `sandbox/file-refused`,
   * `sandbox/code-too-large`, `sandbox/seed-invalid`, `sandbox/language-unavailable`, `sandbox/allow-invalid`, `sandbox/busy`,
   * `sandbox/closed`, `sandbox/session-lost`, `sandbox/session-mismatch`, `sandbox/cancelled`, `sandbox/start-failed`.
   */
  async *run(job: SandboxJob): AsyncGenerator<SandboxEvent, void, undefined> {
    if (this.#closing !== null) throw new SandboxError('sandbox/closed', 'this sandbox was closed; open a new one');
    const limits = mergeLimits(job.limits, MAXIMUM_LIMITS, this.#options.factory.defaults);
    const kind = this.#check(job);
    const inputs = digestInputs(job.files ?? [], limits);
    const clock = clockOf(job);
    const queued = performance.now();
    const leave = await this.#turns.take(job.signal);
    const queuedMs = performance.now() - queued;
    try {
      const starting = performance.now();
      const held =
        job.session === undefined ? null : await this.#sessions.claim(job.session, () => this.#sessionCell(kind, limits));
      const { cell, warm } = held ?? (await this.pool.take(kind, limits));
      const startMs = performance.now() - starting;
      this.#live.add(cell);
      try {
        const session = held === null ? null : { mark: randomBytes(16).toString('hex'), known: held.known };
        const execution = new Execution({
          ...{ cell, job, limits, inputs, capabilities: this.capabilities, clock, queuedMs, startMs, warm, session },
        });
        for await (const event of execution.run()) {
          if (event.type === 'result') {
            const { status, claimDigest, sessionLost } = event.result;
            const goesOn = sessionLost === undefined && (status === 'ok' || status === 'error');
            held?.settle(goesOn ? claimDigest : null);
            // Every process is dead: the next job need not wait for the clearing up.
            leave();
          }
          yield event;
        }
      } finally {
        held?.leave();
        void this.#retire(cell, held === null);
      }
    } finally {
      leave();
    }
  }

  async #retire(cell: Cell, used: boolean): Promise<void> {
    if (used) await cell.dispose();
    this.#live.delete(cell);
  }

  #check(job: SandboxJob): CellKind {
    if (Buffer.byteLength(job.code) > MAX_CODE) {
      throw new SandboxError('sandbox/code-too-large', `expected at most ${MAX_CODE} bytes of code; send the bulk as a file`);
    }
    const { kinds } = this.#options.factory;
    const kind = kindOf(job.language, kinds);
    if (kind === null || (job.language === 'shell' && job.session !== undefined)) {
      const what = job.session === undefined ? job.language : `${job.language} in a session`;
      throw new SandboxError('sandbox/language-unavailable', `this sandbox does not run ${what}; it has ${kinds.join(', ')}`);
    }
    return kind;
  }

  /** A session outlives its first cell, so its processor time is counted cell by cell and not by the kernel. */
  #sessionCell(kind: CellKind, limits: ExecutionLimits): Promise<Cell> {
    return this.#options.factory.start(kind, { ...limits, cpuMs: Math.max(limits.cpuMs, 3_600_000) });
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#sessions.close();
      await Promise.all([...this.#live].map((cell) => cell.kill()));
      await this.pool.close();
      await Promise.all([...this.#live].map((cell) => cell.dispose()));
      await this.#options.factory.close();
      await this.#options.release();
    })();
    return this.#closing;
  }
}

function kindOf(language: ExecutionLanguage, kinds: readonly CellKind[]): CellKind | null {
  if (language === 'shell') return kinds[0] ?? null;
  return kinds.includes(language) ? language : null;
}

function clockOf(job: SandboxJob): { readonly seed: string; readonly epochMs: number } {
  if (job.seed === undefined) return { seed: '', epochMs: 0 };
  const epochMs = job.epochMs ?? Math.floor(Date.now() / 1000) * 1000;
  if (!SEED.test(job.seed) || !Number.isSafeInteger(epochMs) || epochMs < 0 || epochMs > 253_402_300_799_000) {
    throw new SandboxError(
      'sandbox/seed-invalid',
      'expected a seed of 64 lower-case hex characters and a clock between 1970 and 9999',
    );
  }
  return { seed: job.seed, epochMs };
}
