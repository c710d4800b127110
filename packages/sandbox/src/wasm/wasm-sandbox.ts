/** The wasm lane in service: admits jobs, takes guests from the pool, turns outcomes into claimed results. */

import { buildClaim } from '../claim.ts';
import { SandboxError } from '../errors.ts';
import { EventQueue } from '../event-queue.ts';
import { byPath, digestFile } from '../files.ts';
import {
  DEFAULT_LIMITS,
  type Sandbox,
  type SandboxCapabilities,
  type SandboxEvent,
  type SandboxJob,
  type SandboxResult,
} from '../port.ts';
import { Turns } from '../turns.ts';
import { type CheckedJob, checkJob, sha256 } from './checked-job.ts';
import { type Flavour, type GuestLanguage, GuestPool } from './guest-pool.ts';
import type { GuestProcess } from './guest-process.ts';
import { type Outcome, runOnGuest } from './run-on-guest.ts';
import { Sessions } from './sessions.ts';

const START_ATTEMPTS = 2;
const REFILL_MS = 50;

export interface WasmSandboxOptions {
  readonly capabilities: SandboxCapabilities;
  /** Starts a guest that is not ready yet. */
  readonly start: (flavour: Flavour, memoryBytes: number) => GuestProcess;
  readonly concurrency: number;
  readonly warm: Readonly<Record<Flavour, number>>;
  /** How long a session lives without a cell; 30 minutes by default. */
  readonly sessionIdleMs?: number;
}

interface Taken {
  readonly guest: GuestProcess;
  readonly warm: boolean;
}

export class WasmSandbox implements Sandbox {
  readonly capabilities: SandboxCapabilities;
  readonly #options: WasmSandboxOptions;
  readonly #turns: Turns;
  readonly #pool: GuestPool;
  readonly #sessions: Sessions;
  readonly #running = new Set<GuestProcess>();
  #closed = false;

  constructor(options: WasmSandboxOptions) {
    this.capabilities = options.capabilities;
    this.#options = options;
    this.#turns = new Turns(options.concurrency);
    this.#sessions = new Sessions(options.sessionIdleMs);
    this.#pool = new GuestPool({
      start: (flavour) => options.start(flavour, DEFAULT_LIMITS.memoryBytes),
      size: options.warm,
    });
  }

  /** Starts the waiting guests; resolves when they are ready. */
  async warmUp(): Promise<void> {
    this.#pool.fill();
    await this.#pool.settled();
  }

  run(job: SandboxJob): AsyncIterable<SandboxEvent> {
    const queue = new EventQueue();
    void this.#serve(job, queue);
    return queue;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#sessions.close();
    for (const guest of this.#running) guest.kill();
    await Promise.all([this.#pool.close(), ...[...this.#running].map((guest) => guest.exited)]);
  }

  async #serve(job: SandboxJob, queue: EventQueue): Promise<void> {
    const asked = performance.now();
    let release: (() => void) | null = null;
    let checked: CheckedJob | null = null;
    try {
      if (this.#closed) throw new SandboxError('sandbox/closed', 'this sandbox was closed; open a new one');
      checked = checkJob(job, this.capabilities.languages);
      release = await this.#turns.take(job.signal);
      const queuedMs = performance.now() - asked;
      queue.push({ type: 'started' });
      queue.push({ type: 'result', result: await this.#execute(job, checked, queue, queuedMs) });
    } catch (error) {
      const result = rejected(job, checked, this.capabilities, error, performance.now() - asked);
      queue.push({ type: 'result', result });
    } finally {
      release?.();
    }
  }

  async #execute(job: SandboxJob, checked: CheckedJob, queue: EventQueue, queuedMs: number): Promise<SandboxResult> {
    const started = performance.now();
    const resumed = job.session ? this.#sessions.resume(job.session.id, job.session.previousClaim, checked.language) : null;
    const { guest, warm } = resumed ? { guest: resumed.guest, warm: true } : await this.#take(checked);
    this.#running.add(guest);
    // Starting a guest costs this job time, so the next one is started when it ends, or when it turns out to be long.
    const refill = setTimeout(() => this.#pool.fill(), REFILL_MS);
    try {
      const timing = { queuedMs, startMs: performance.now() - started, warm };
      const outcome = await runOnGuest(guest, checked, {
        session: job.session !== undefined,
        signal: job.signal,
        emit: (event) => queue.push(event),
      });
      const result = claimed(job, checked, this.capabilities, outcome, timing);
      if (job.session) {
        if (outcome.lost === null) this.#sessions.keep(job.session.id, guest, checked.language, result.claimDigest);
        else this.#sessions.end(job.session.id);
      }
      return result;
    } finally {
      clearTimeout(refill);
      this.#running.delete(guest);
      setImmediate(() => this.#pool.fill());
    }
  }

  /** A ready guest: from the pool when the job's memory is the default, otherwise started for it. */
  async #take(checked: CheckedJob): Promise<Taken> {
    const { flavour, limits } = checked;
    let reason: unknown;
    for (let attempt = 0; attempt < START_ATTEMPTS; attempt += 1) {
      const waiting = limits.memoryBytes === DEFAULT_LIMITS.memoryBytes ? this.#pool.take(flavour) : null;
      const guest = waiting ?? this.#options.start(flavour, limits.memoryBytes);
      try {
        await guest.ready;
        return { guest, warm: waiting !== null };
      } catch (error) {
        reason = error;
      }
    }
    throw new SandboxError('sandbox/start-failed', `${(reason as Error).message}; run assay doctor`, { cause: reason });
  }
}

interface Timing {
  readonly queuedMs: number;
  readonly startMs: number;
  readonly warm: boolean;
}

function claimed(
  job: SandboxJob,
  checked: CheckedJob,
  { lane, isolation, environmentDigest }: SandboxCapabilities,
  outcome: Outcome,
  timing: Timing,
): SandboxResult {
  const artifacts = [...outcome.artifacts].sort(byPath);
  const { claim, claimDigest } = buildClaim({
    language: checked.language,
    lane,
    isolation,
    code: checked.code,
    argv: checked.argv,
    inputs: checked.inputs,
    environmentDigest,
    limits: checked.limits,
    seed: checked.seed,
    clock: { mode: 'frozen', epochMs: checked.epochMs },
    entropy: outcome.seeded ? 'seeded' : 'os',
    networkPolicy: checked.policy,
    transcript: outcome.transcript,
    sessionPrevious: job.session?.previousClaim ?? null,
    status: outcome.status,
    exitCode: outcome.exitCode,
    stdoutSha256: outcome.stdout.sha256,
    stderrSha256: outcome.stderr.sha256,
    outputs: artifacts.map(({ path, bytes }) => digestFile(path, bytes)),
    truncated: outcome.stdout.truncated || outcome.stderr.truncated,
  });
  return {
    status: outcome.status,
    exitCode: outcome.exitCode,
    stdout: outcome.stdout,
    stderr: outcome.stderr,
    value: outcome.value,
    error: outcome.error,
    artifacts,
    skipped: outcome.skipped,
    network: outcome.transcript,
    sessionLost: job.session === undefined ? undefined : (outcome.lost ?? undefined),
    claim,
    claimDigest,
    observed: { ...timing, wallMs: outcome.wallMs, maxRssMiB: outcome.maxRssMiB },
  };
}

const NOTHING = { text: '', bytes: 0, sha256: sha256(''), truncated: false };

/** The result of a job that never ran, with a claim that says so. */
function rejected(
  job: SandboxJob,
  checked: CheckedJob | null,
  capabilities: SandboxCapabilities,
  error: unknown,
  queuedMs: number,
): SandboxResult {
  const name = SandboxError.is(error) ? error.code : 'sandbox/start-failed';
  const facts: CheckedJob = checked ?? {
    language: job.language as GuestLanguage,
    flavour: job.language as GuestLanguage,
    code: job.code,
    files: [],
    inputs: [],
    stdin: new Uint8Array(0),
    argv: (job.argv ?? []).map(String),
    limits: DEFAULT_LIMITS,
    policy: undefined,
    seed: '',
    epochMs: 0,
  };
  const outcome: Outcome = {
    status: name === 'sandbox/cancelled' ? 'killed' : 'rejected',
    exitCode: null,
    stdout: NOTHING,
    stderr: NOTHING,
    value: null,
    error: { name, message: error instanceof Error ? error.message : String(error), traceback: '' },
    artifacts: [],
    skipped: [],
    transcript: [],
    seeded: true,
    lost: null,
    wallMs: 0,
    maxRssMiB: 0,
  };
  return claimed(job, facts, capabilities, outcome, { queuedMs, startMs: 0, warm: false });
}
