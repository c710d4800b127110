/**
 * Runs one checked job on one guest: sends it, listens, watches its limits from outside, and gives the outcome. Every frame is
 * attacker input; nothing in it is believed beyond "this is what the code says it wrote".
 */

import { randomBytes } from 'node:crypto';
import type { ExecutionLimits, ExecutionStatus } from '@assay/receipt';
import { networkAllowed } from '../claim.ts';
import type { PlainEvent } from '../event-queue.ts';
import { exitError } from '../exit-code.ts';
import { digestFile, MAX_SKIPPED_FILES, pathDefect } from '../files.ts';
import type { Frame } from '../frames.ts';
import { sniffMediaType } from '../media-type.ts';
import { NetworkGateway } from '../network/gateway.ts';
import type { NetworkTranscript, SandboxArtifact, SandboxResult, SandboxStream } from '../port.ts';
import { OutputBudget, StreamCapture } from '../stream-capture.ts';
import type { CheckedJob } from './checked-job.ts';
import { BASE_MEMORY, type GuestExit, type GuestProcess, lastWords } from './guest-process.ts';
import { type JobHead, MESSAGE } from './messages.ts';

const WATCH_MS = 25;
const MAX_OTHER_FRAMES = 20_000;
/** Beyond the gateway's own bound each request gets a refusal; beyond this one the run ends. */
const MAX_REQUESTS = 4096;

export interface Outcome {
  readonly status: ExecutionStatus;
  readonly exitCode: number | null;
  readonly stdout: SandboxStream;
  readonly stderr: SandboxStream;
  readonly value: string | null;
  readonly error: SandboxResult['error'];
  readonly artifacts: readonly SandboxArtifact[];
  readonly skipped: SandboxResult['skipped'];
  readonly transcript: NetworkTranscript;
  /** False when this process, in this cell or an earlier one, used time or entropy that does not follow from the seed. */
  readonly seeded: boolean;
  /** Why the guest does not wait, stopped, for the next cell of its session; `null` when it does. */
  readonly lost: string | null;
  readonly wallMs: number;
  readonly maxRssMiB: number;
}

export interface RunOptions {
  readonly session: boolean;
  readonly signal: AbortSignal | undefined;
  readonly emit: (event: PlainEvent) => void;
}

/** `over`: the process ends with this cell. */
type Ending = Pick<Outcome, 'status' | 'exitCode' | 'value' | 'error'> & { readonly over: boolean };

/** Runs `job` on `guest`, which must be ready. The guest is dead afterwards unless this was a session's cell that ended by itself. */
export async function runOnGuest(guest: GuestProcess, job: CheckedJob, options: RunOptions): Promise<Outcome> {
  return await new GuestRun(guest, job, options).outcome();
}

class GuestRun {
  readonly #guest: GuestProcess;
  readonly #job: CheckedJob;
  readonly #options: RunOptions;
  readonly #budget: OutputBudget;
  readonly #stdout: StreamCapture;
  readonly #stderr: StreamCapture;
  readonly #gateway: NetworkGateway;
  readonly #cancelled = new AbortController();
  /** Known to the host and the guest's own code; the end of the cell must name it. */
  readonly #cell = randomBytes(16).toString('hex');
  readonly #artifacts = new Map<string, SandboxArtifact>();
  readonly #skipped: { pathBase64: string; reason: string }[] = [];
  #artifactBytes = 0;
  #maxRss = 0;
  /** Answers leave in the order of the questions. */
  #replies: Promise<void> = Promise.resolve();
  #end: (ending: Ending) => void = () => {};
  #ended = false;
  #frames = 0;
  #requests = 0;

  constructor(guest: GuestProcess, job: CheckedJob, options: RunOptions) {
    this.#guest = guest;
    this.#job = job;
    this.#options = options;
    this.#budget = new OutputBudget(job.limits.outputBytes);
    this.#stdout = new StreamCapture(this.#budget);
    this.#stderr = new StreamCapture(this.#budget);
    this.#gateway = new NetworkGateway({ policy: job.policy ?? { allow: [] }, signal: this.#cancelled.signal });
  }

  /** Resident memory beyond which the guest is ended. */
  get #memoryBound(): number {
    return this.#job.limits.memoryBytes + BASE_MEMORY[this.#job.language];
  }

  async outcome(): Promise<Outcome> {
    const { signal } = this.#options;
    const { wallMs } = this.#job.limits;
    const started = performance.now();
    const ending = new Promise<Ending>((resolve) => {
      this.#end = (value) => {
        if (this.#ended) return;
        this.#ended = true;
        resolve(value);
      };
    });
    this.#guest.listen((frame) => this.#receive(frame));
    void this.#guest.exited.then((exit) => this.#end(this.#explainExit(exit)));
    this.#guest.resume();
    const before = (await this.#guest.usage())?.cpuMs ?? 0;
    const wall = setTimeout(() => this.#stop('wallMs', 'timeout', `it ran longer than ${wallMs} ms`), wallMs);
    const watch = setInterval(() => void this.#watch(before), WATCH_MS);
    const abort = (): void => this.#kill('killed', 'sandbox/cancelled', 'the caller cancelled the run');
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
    else this.#sendJob();
    const end = await ending;
    clearTimeout(wall);
    clearInterval(watch);
    signal?.removeEventListener('abort', abort);
    this.#cancelled.abort();
    this.#gateway.end();
    this.#maxRss = Math.max(this.#maxRss, (await this.#guest.usage())?.rssBytes ?? 0);
    const { over, ...told } = end;
    const lost = this.#whyLost(over);
    if (lost !== null || !this.#options.session) this.#guest.kill();
    return {
      ...told,
      stdout: this.#stdout.finish(),
      stderr: this.#stderr.finish(),
      artifacts: [...this.#artifacts.values()],
      skipped: this.#skipped,
      transcript: this.#gateway.transcript,
      seeded: this.#guest.seeded,
      lost,
      wallMs: performance.now() - started,
      maxRssMiB: Math.round(this.#maxRss / (1024 * 1024)),
    };
  }

  #whyLost(over: boolean): string | null {
    if (over) return 'the cell ended its process';
    if (!this.#guest.alive) return 'the process wrote after the end of its cell and was stopped';
    if (this.#maxRss > this.#memoryBound) return 'its state used more memory than the limit';
    return null;
  }

  #sendJob(): void {
    const { code, files, argv, seed, epochMs, limits, policy, stdin } = this.#job;
    const head: JobHead = {
      cell: this.#cell,
      files: files.length,
      argv,
      seed,
      epochMs,
      network: networkAllowed(policy),
      session: this.#options.session,
      diskBytes: limits.diskBytes,
      fileBytes: limits.fileBytes,
      inodes: limits.inodes,
      artifacts: limits.artifacts,
    };
    this.#guest.send(MESSAGE.job, { ...head }, Buffer.from(code));
    for (const { path, bytes } of files) this.#guest.send(MESSAGE.file, { path }, bytes);
    this.#guest.send(MESSAGE.stdin, null, stdin);
  }

  #receive(frame: Frame): void {
    if (this.#ended) {
      // A cell says nothing after its end. Code that does is still running, and ends here with its session.
      this.#guest.kill();
      return;
    }
    this.#frames += 1;
    // Honest guests send no empty output, so frames are bounded by bytes; a flood of others would only keep the host busy.
    if (this.#frames > MAX_OTHER_FRAMES + this.#job.limits.outputBytes) {
      this.#kill('killed', 'sandbox/protocol', 'it flooded the host with frames and was stopped; treat the code as hostile');
      return;
    }
    switch (frame.type) {
      case MESSAGE.stdout:
        this.#write('stdout', this.#stdout, frame.body);
        return;
      case MESSAGE.stderr:
        this.#write('stderr', this.#stderr, frame.body);
        return;
      case MESSAGE.fetch:
        this.#fetch(frame);
        return;
      case MESSAGE.artifact:
        this.#keepArtifact(String(frame.head.path), frame.body);
        return;
      case MESSAGE.skipped:
        this.#skip(String(frame.head.path), String(frame.head.reason));
        return;
      case MESSAGE.unseeded:
        this.#guest.seeded = false;
        return;
      case MESSAGE.done:
        if (frame.head.cell === this.#cell) this.#done(frame);
        else
          this.#kill('killed', 'sandbox/protocol', 'it forged the end of its cell and was stopped; treat the code as hostile');
        return;
      default:
        this.#kill(
          'killed',
          'sandbox/protocol',
          `it sent a frame of unknown type ${frame.type} and was stopped; treat the code as hostile`,
        );
    }
  }

  #write(type: 'stdout' | 'stderr', capture: StreamCapture, bytes: Uint8Array): void {
    const text = capture.write(bytes);
    if (text !== '') this.#options.emit({ type, text });
    if (capture.truncated) {
      this.#stop('outputBytes', 'output-limit', `it wrote more than ${this.#job.limits.outputBytes} bytes`);
    }
  }

  #fetch(frame: Frame): void {
    this.#requests += 1;
    if (this.#requests > MAX_REQUESTS) {
      this.#kill('killed', 'sandbox/protocol', `it sent more than ${MAX_REQUESTS} requests and was stopped; send fewer`);
      return;
    }
    const { method, url, headers } = frame.head;
    const asked = typeof headers === 'object' && headers !== null ? headers : {};
    const answer = this.#gateway.fetch({
      method: String(method).toUpperCase(),
      url: String(url),
      headers: Object.fromEntries(Object.entries(asked).map(([name, value]) => [name, String(value)])),
      body: frame.body.slice(),
    });
    this.#replies = this.#replies.then(async () => {
      const { status, responseHeaders, responseBody } = await answer;
      this.#guest.send(MESSAGE.fetched, { status, headers: responseHeaders }, responseBody);
    });
  }

  #keepArtifact(path: string, bytes: Uint8Array): void {
    const { limits } = this.#job;
    const reason =
      pathDefect(path) ??
      (this.#artifacts.has(path) ? 'was sent twice' : null) ??
      (bytes.length > limits.fileBytes ? `is larger than ${limits.fileBytes} bytes` : null) ??
      (this.#artifacts.size >= limits.artifacts ? `comes after ${limits.artifacts} files` : null) ??
      (this.#artifactBytes + bytes.length > limits.diskBytes ? `comes after ${limits.diskBytes} bytes` : null);
    if (reason !== null) {
      this.#skip(path, reason);
      return;
    }
    const kept = bytes.slice();
    const mediaType = sniffMediaType(path, kept);
    this.#artifactBytes += kept.length;
    this.#artifacts.set(path, { path, bytes: kept, sha256: digestFile(path, kept).sha256, mediaType });
    this.#options.emit({ type: 'artifact', path, bytes: kept.length, mediaType });
  }

  #skip(path: string, reason: string): void {
    if (this.#skipped.length >= MAX_SKIPPED_FILES) return;
    this.#skipped.push({ pathBase64: Buffer.from(path.slice(0, 4096)).toString('base64'), reason: reason.slice(0, 200) });
  }

  #done(frame: Frame): void {
    const { exitCode, value, diskFull, over } = frame.head;
    const code = Number.isInteger(exitCode) ? Number(exitCode) & 255 : 1;
    const error = readError(frame.head.error) ?? (code === 0 ? null : exitError(code));
    const status =
      error === null ? 'ok' : diskFull === true ? 'disk-limit' : /^MemoryError$/.test(error.name) ? 'oom' : 'error';
    if (status === 'disk-limit') this.#limit('diskBytes', `it wrote more than ${this.#job.limits.diskBytes} bytes of files`);
    if (status === 'oom') this.#limit('memoryBytes', `it used more than ${this.#job.limits.memoryBytes} bytes of memory`);
    // Before anything else is looked at: between cells a session has no processor.
    if (this.#options.session) this.#guest.pause();
    // Python's `sys.exit` leaves the interpreter alive; only `os._exit` and crashes do not.
    if (this.#options.session && over !== false && this.#job.language === 'python' && status === 'ok') {
      this.#kill('killed', 'sandbox/killed', 'it ended the process of its session, so its state is lost; begin a new session');
      return;
    }
    const text = typeof value === 'string' ? value.slice(0, 65_536) : null;
    this.#end({ status, exitCode: code, value: text, error, over: over !== false || status === 'oom' });
  }

  async #watch(before: number): Promise<void> {
    const usage = await this.#guest.usage();
    if (usage === null || this.#ended) return;
    const { memoryBytes, cpuMs } = this.#job.limits;
    this.#maxRss = Math.max(this.#maxRss, usage.rssBytes);
    if (usage.rssBytes > this.#memoryBound) {
      this.#stop('memoryBytes', 'oom', `it used more than ${memoryBytes} bytes of memory`);
    } else if (usage.cpuMs - before > cpuMs) {
      this.#stop('cpuMs', 'timeout', `it used more than ${cpuMs} ms of processor time`);
    }
  }

  #limit(limit: keyof ExecutionLimits, message: string): void {
    this.#options.emit({ type: 'limit', limit, message });
  }

  #stop(limit: keyof ExecutionLimits, status: 'timeout' | 'oom' | 'output-limit', message: string): void {
    if (this.#ended) return;
    this.#limit(limit, message);
    this.#kill(status, `sandbox/${status}`, `${message} and was stopped; do less, or raise ${limit}`);
  }

  #kill(status: ExecutionStatus, name: string, message: string): void {
    this.#end({ status, exitCode: null, value: null, error: { name, message, traceback: '' }, over: true });
    this.#guest.kill();
  }

  #explainExit({ code, signal, stderrTail }: GuestExit): Ending {
    const ending = (status: ExecutionStatus, name: string, message: string): Ending => ({
      status,
      exitCode: code,
      value: null,
      error: { name, message, traceback: '' },
      over: true,
    });
    const defect = this.#guest.protocolDefect;
    if (defect !== null)
      return ending(
        'killed',
        'sandbox/protocol',
        `the sandboxed process broke the protocol (${defect}) and was stopped; treat the code as hostile`,
      );
    if (signal === 'SIGXCPU') return ending('timeout', 'sandbox/timeout', 'it used too much processor time and was stopped');
    if (/out of memory|OOM|heap limit|allocation failed|Cannot allocate|RangeError: Array buffer/i.test(stderrTail)) {
      this.#limit('memoryBytes', `it used more than ${this.#job.limits.memoryBytes} bytes of memory`);
      return ending('oom', 'sandbox/oom', 'it ran out of memory; use less, or raise memoryBytes');
    }
    const last = lastWords(stderrTail);
    return ending(
      'killed',
      'sandbox/killed',
      `the sandboxed process ended early (${signal ?? `exit ${code}`})${last === '' ? '' : `: ${last}`}`,
    );
  }
}

function readError(value: unknown): SandboxResult['error'] {
  if (typeof value !== 'object' || value === null) return null;
  const { name, message, traceback } = value as Record<string, unknown>;
  return {
    name: String(name).slice(0, 200),
    message: String(message).slice(0, 8192),
    traceback: String(traceback).slice(0, 65_536),
  };
}
