/**
 * One job in one cell: hands over files and code, carries output and network exchanges, enforces what the kernel does not, and
 * when everything is dead collects what is left and writes the claim. The same for every native lane.
 */

import { randomBytes } from 'node:crypto';
import { closeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionLimits, FileDigest } from '@assay/receipt';
import { buildClaim, networkAllowed } from '../claim.ts';
import { collectArtifacts } from '../collect/collect.ts';
import { EventQueue } from '../event-queue.ts';
import { digestFile } from '../files.ts';
import { encodeFrame, type Frame, FrameReader } from '../frames.ts';
import { NetworkGateway } from '../network/gateway.ts';
import type { SandboxCapabilities, SandboxEvent, SandboxJob, SandboxResult } from '../port.ts';
import { OutputBudget, StreamCapture } from '../stream-capture.ts';
import { type Cell, type CellEnd, FRAME } from './cell.ts';
import { Fence } from './fence.ts';
import { cpuMessage, judge, type Outcome, oomMessage, type Report, type Stop } from './verdict.ts';

const WATCH_MS = 50;
/** How long streams may stay open after everything that could hold them was killed. */
const DRAIN_MS = 500;
/** How long a session's process may take to end after it closed its control channel. */
const LEAVE_MS = 1_000;
const MAX_TEXT = 64 * 1024;
/** What a program may send over the control channel: the gateway's bound on bodies, with room for heads. */
const MAX_CONTROL = 64 * 1024 * 1024;

export interface ExecutionOptions {
  readonly cell: Cell;
  readonly job: SandboxJob;
  readonly limits: ExecutionLimits;
  readonly inputs: readonly FileDigest[];
  readonly capabilities: SandboxCapabilities;
  readonly clock: { readonly seed: string; readonly epochMs: number };
  readonly queuedMs: number;
  readonly startMs: number;
  readonly warm: boolean;
  /** Set for a session cell: the interpreter lives on, and files that earlier cells left are known by path and SHA-256. */
  readonly session: { readonly mark: string; readonly known: Map<string, string> } | null;
}

export class Execution {
  readonly #options: ExecutionOptions;
  readonly #queue = new EventQueue();
  readonly #stdout: StreamCapture;
  readonly #stderr: StreamCapture;
  readonly #gateway: NetworkGateway | null;
  readonly #frames = new FrameReader();
  /** Names this very cell in its report: no earlier cell can have known it. */
  readonly #nonce = randomBytes(16).toString('hex');
  #stop: Stop | null = null;
  #report: Report | null = null;
  #reported: () => void = () => {};
  #peakBytes = 0;
  #cpuBefore = 0;
  #controlBytes = 0;
  #lost: string | undefined;
  #leave: () => void = () => {};
  #over = false;

  constructor(options: ExecutionOptions) {
    this.#options = options;
    const budget = new OutputBudget(options.limits.outputBytes);
    this.#stdout = new StreamCapture(budget);
    this.#stderr = new StreamCapture(budget);
    const { network, signal } = options.job;
    this.#gateway =
      networkAllowed(network) && network ? new NetworkGateway({ policy: network, ...(signal ? { signal } : {}) }) : null;
  }

  /** Runs to the end; stopping the iteration early kills the cell. */
  async *run(): AsyncGenerator<SandboxEvent, void, undefined> {
    const finished = this.#work()
      .catch((error: unknown) => this.#queue.fail(error))
      .finally(() => this.#gateway?.end());
    try {
      yield* this.#queue;
    } finally {
      if (!this.#options.session && !this.#over) await this.#options.cell.kill();
      await finished;
    }
  }

  async #work(): Promise<void> {
    const { cell, job, limits, session } = this.#options;
    const fences = session === null ? [] : [new Fence(session.mark), new Fence(session.mark)];
    if (session !== null) cell.thaw();
    const started = performance.now();
    this.#cpuBefore = session === null ? 0 : cell.usage().cpuMs;
    const reported = new Promise<void>((resolve) => {
      this.#reported = resolve;
    });
    const closed = this.#listen(fences);
    this.#queue.push({ type: 'started' });
    const abort = (): void => this.#end({ status: 'killed', limit: null, message: 'the caller cancelled the job' });
    job.signal?.addEventListener('abort', abort, { once: true });
    if (job.signal?.aborted) abort();
    const wall = setTimeout(() => {
      this.#end({
        status: 'timeout',
        limit: 'wallMs',
        message: `the program ran longer than ${limits.wallMs} ms; make it faster, or raise wallMs`,
      });
    }, limits.wallMs);
    const watch = setInterval(() => this.#look(), WATCH_MS);
    this.#hand();
    let end: CellEnd | null = null;
    const dead = cell.ended.then((how) => {
      end = how;
    });
    // A program that reported and whose streams are closed is over when nothing else of it can run; else its end is awaited.
    const over = closed.then(() => {
      this.#over = session === null && this.#report !== null && cell.quiet?.() === true;
      return this.#over ? undefined : dead;
    });
    await Promise.race([over, dead, ...(session === null ? [] : [reported.then(() => this.#settle(fences, dead))])]);
    clearTimeout(wall);
    clearInterval(watch);
    job.signal?.removeEventListener('abort', abort);
    const wallMs = performance.now() - started;
    if (!this.#over && (session === null || end !== null)) {
      await cell.kill();
      await Promise.race([closed, delay(DRAIN_MS)]);
    }
    this.#unlisten();
    await this.#finish(end, wallMs);
  }

  /**
   * The end of a session's cell: nothing of it runs any more, its output has come, and it kept its limits. A process that says it
   * leaves is awaited instead.
   */
  async #settle(fences: readonly Fence[], dead: Promise<void>): Promise<void> {
    const { cell } = this.#options;
    if (this.#report?.leaves === true) {
      await Promise.race([dead, delay(LEAVE_MS)]);
      this.#lost = 'the cell ended its process';
      await cell.kill();
      return;
    }
    if (!(await cell.freeze())) {
      this.#end({ status: 'killed', limit: null, message: 'processes of the cell could not be stopped; start fewer' });
    }
    // Output that was led elsewhere has no fence to come.
    await Promise.race([Promise.all(fences.map((fence) => fence.passed)), delay(DRAIN_MS)]);
    this.#look();
    if (this.#stop !== null) await dead;
  }

  /** Attaches to the streams; resolves when all of them have ended. */
  #listen(fences: readonly Fence[]): Promise<unknown> {
    const { cell, session } = this.#options;
    if (session !== null) this.#awaitLeaving();
    const ends = [
      this.#follow(cell.stdout, (chunk) => this.#output('stdout', fences[0]?.write(chunk) ?? chunk)),
      this.#follow(cell.stderr, (chunk) => this.#output('stderr', fences[1]?.write(chunk) ?? chunk)),
      this.#follow(cell.control, (chunk) => this.#receive(chunk)),
    ];
    return Promise.all(ends);
  }

  #follow(stream: Cell['stdout'], take: (chunk: Buffer) => void): Promise<void> {
    stream.on('data', take);
    stream.resume();
    return new Promise((resolve) => {
      if (stream.readableEnded || stream.destroyed) resolve();
      stream.once('end', resolve);
      stream.once('close', resolve);
    });
  }

  /** A session's process without its control channel cannot report any more: it ends, or it is ended. */
  #awaitLeaving(): void {
    const { cell } = this.#options;
    const leave = (): void => {
      const timer = setTimeout(() => {
        this.#end({ status: 'killed', limit: null, message: 'the cell closed the channel of its session' });
      }, LEAVE_MS);
      void cell.ended.then(() => clearTimeout(timer));
    };
    if (cell.control.readableEnded || cell.control.destroyed) leave();
    else cell.control.once('end', leave);
    this.#leave = leave;
  }

  #unlisten(): void {
    const { stdout, stderr, control } = this.#options.cell;
    for (const stream of [stdout, stderr, control]) stream.removeAllListeners('data').pause();
    control.off('end', this.#leave);
  }

  #output(type: 'stdout' | 'stderr', chunk: Buffer): void {
    const capture = type === 'stdout' ? this.#stdout : this.#stderr;
    const text = capture.write(chunk);
    if (text !== '') this.#queue.push({ type, text });
    if (!capture.truncated) return;
    this.#end({
      status: 'output-limit',
      limit: 'outputBytes',
      message: `the program wrote more than ${this.#options.limits.outputBytes} bytes; print less, or raise outputBytes`,
    });
  }

  #receive(chunk: Buffer): void {
    if (this.#stop !== null) return;
    this.#controlBytes += chunk.length;
    try {
      if (this.#controlBytes > MAX_CONTROL) throw new Error(`more than ${MAX_CONTROL} bytes of requests`);
      for (const frame of this.#frames.push(chunk)) this.#obey(frame);
    } catch (error) {
      this.#end({
        status: 'killed',
        limit: null,
        message: `the sandboxed process broke the protocol: ${(error as Error).message}`,
      });
    }
  }

  #obey(frame: Frame): void {
    if (frame.type === FRAME.request) {
      void this.#exchange(frame);
    } else if (frame.type === FRAME.done && this.#report === null) {
      if (frame.head.cell !== this.#nonce) throw new Error('a report that does not name this cell');
      this.#report = shapeReport(frame.head);
      this.#reported();
    }
  }

  /** Serves one HTTP request of the code. A refusal is an answer too, and stands in the transcript. */
  async #exchange(frame: Frame): Promise<void> {
    const { id, method, url, headers } = frame.head;
    if (this.#gateway === null || typeof method !== 'string' || typeof url !== 'string') return;
    const answer = await this.#gateway.fetch({ method, url, headers: textFields(headers), body: frame.body });
    const head =
      answer.status === 0
        ? { id, error: Buffer.from(answer.responseBody).toString('utf8').slice(0, 1000) }
        : { id, status: answer.status, headers: answer.responseHeaders };
    this.#options.cell.control.write(encodeFrame(FRAME.response, head, answer.status === 0 ? undefined : answer.responseBody));
  }

  /** Files first, then the job: the order in which the runner expects them. */
  #hand(): void {
    const { cell, job, clock, session } = this.#options;
    for (const { path, bytes } of job.files ?? []) cell.control.write(encodeFrame(FRAME.file, { path }, bytes));
    const head = {
      argv: job.argv ?? [],
      network: this.#gateway !== null,
      seed: clock.seed,
      epochMs: clock.epochMs,
      fence: session?.mark ?? '',
      cell: this.#nonce,
      shell: job.language === 'shell',
    };
    cell.control.write(encodeFrame(FRAME.job, head, Buffer.from(job.code, 'utf8')));
    if (session === null) cell.stdin.end(job.stdin ?? '');
    else if (job.stdin) cell.stdin.write(job.stdin);
  }

  /** What the kernel does not stop by itself, or not for the tree as a whole. */
  #look(): void {
    const { cell, limits } = this.#options;
    const usage = cell.usage();
    this.#peakBytes = Math.max(this.#peakBytes, usage.peakBytes);
    if (usage.memoryBytes > limits.memoryBytes) this.#end({ status: 'oom', limit: 'memoryBytes', message: oomMessage(limits) });
    else if (usage.excess !== undefined) this.#end({ status: 'oom', limit: 'memoryBytes', message: usage.excess });
    else if (usage.cpuMs - this.#cpuBefore > limits.cpuMs) {
      this.#end({ status: 'timeout', limit: 'cpuMs', message: cpuMessage(limits) });
    } else if (usage.inodes > limits.inodes + 1) {
      const message = `the program made more than ${limits.inodes} files; make fewer, or raise inodes`;
      this.#end({ status: 'disk-limit', limit: 'inodes', message });
    } else if ((usage.diskBytes ?? 0) > limits.diskBytes) {
      const message = `the program wrote more than ${limits.diskBytes} bytes to disk; write less, or raise diskBytes`;
      this.#end({ status: 'disk-limit', limit: 'diskBytes', message });
    } else if ((usage.processes ?? 0) > limits.processes) {
      const message = `the program made more than ${limits.processes} processes; make fewer, or raise processes`;
      this.#end({ status: 'killed', limit: 'processes', message });
    }
  }

  #end(stop: Stop): void {
    if (this.#stop !== null) return;
    this.#stop = stop;
    if (stop.limit !== null) this.#queue.push({ type: 'limit', limit: stop.limit, message: stop.message });
    this.#options.cell.kill().catch((error: unknown) => this.#queue.fail(error));
  }

  async #finish(end: CellEnd | null, wallMs: number): Promise<void> {
    const { cell, job, limits, inputs, capabilities, clock, session } = this.#options;
    const usage = cell.usage();
    const stdout = this.#stdout.finish();
    const stderr = this.#stderr.finish();
    const cpuMs = usage.cpuMs - this.#cpuBefore;
    const outcome = judge({
      stop: this.#stop,
      report: this.#report,
      end,
      usage: { ...usage, cpuMs },
      limits,
      stderr: stderr.text,
      session: session !== null,
    });
    const lost = session === null ? undefined : this.#whyLost(outcome, end);
    const known = new Map([...(session?.known ?? []), ...inputs.map(({ path, sha256 }) => [path, sha256] as const)]);
    const directory = cell.openOutput();
    const { artifacts, skipped } = await collectArtifacts({ directory, limits, inputs: known }).finally(() =>
      closeSync(directory),
    );
    for (const { path, sha256 } of [...inputs, ...artifacts]) session?.known.set(path, sha256);
    for (const { path, bytes, mediaType } of artifacts) {
      this.#queue.push({ type: 'artifact', path, bytes: bytes.length, mediaType });
    }
    const transcript = this.#gateway?.transcript ?? [];
    const { claim, claimDigest } = buildClaim({
      language: job.language,
      lane: capabilities.lane,
      isolation: capabilities.isolation,
      code: job.code,
      argv: job.argv ?? [],
      inputs,
      environmentDigest: capabilities.environmentDigest,
      limits,
      seed: clock.seed,
      clock: clock.seed === '' ? { mode: 'host' } : { mode: 'frozen', epochMs: clock.epochMs },
      entropy: clock.seed === '' ? 'os' : 'seeded',
      networkPolicy: job.network,
      transcript,
      sessionPrevious: job.session?.previousClaim ?? null,
      status: outcome.status,
      exitCode: outcome.exitCode,
      stdoutSha256: stdout.sha256,
      stderrSha256: stderr.sha256,
      outputs: artifacts.map(({ path, bytes }) => digestFile(path, bytes)),
      truncated: stdout.truncated || stderr.truncated,
    });
    const result: SandboxResult = {
      ...outcome,
      stdout,
      stderr,
      value: this.#report?.value ?? null,
      artifacts,
      skipped,
      network: transcript,
      sessionLost: lost,
      claim,
      claimDigest,
      observed: {
        queuedMs: this.#options.queuedMs,
        startMs: this.#options.startMs,
        wallMs,
        maxRssMiB: Math.max(this.#peakBytes, usage.peakBytes) / 1048576,
        warm: this.#options.warm,
      },
    };
    this.#queue.push({ type: 'result', result });
  }

  /** Why a session cannot go on after this cell; `undefined` when it can. */
  #whyLost(outcome: Outcome, end: CellEnd | null): string | undefined {
    if (this.#lost !== undefined) return this.#lost;
    if (end !== null || this.#stop !== null) return outcome.error?.message ?? 'the process of the session has ended';
    return undefined;
  }
}

function shapeReport(head: Frame['head']): Report {
  const error = head.error as Record<string, unknown> | null | undefined;
  const text = (value: unknown): string => (typeof value === 'string' ? Buffer.from(value.slice(0, MAX_TEXT)).toString() : '');
  return {
    value: typeof head.value === 'string' ? text(head.value) : null,
    error: error ? { name: text(error.name), message: text(error.message), traceback: text(error.traceback) } : null,
    exitCode: Number.isInteger(head.exitCode) ? (head.exitCode as number) & 255 : 1,
    leaves: head.leaves === true,
  };
}

function textFields(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
