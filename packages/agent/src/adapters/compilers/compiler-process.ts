/** The parent's side of {@link file://./soljson-process.ts}: starts it, hands over one input at a time, watches its memory, ends it. */

import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ServerError } from '../../errors.ts';
import type { CompileReport } from './soljson-process.ts';

const START_MS = 60_000;
const WATCH_MS = 200;
/** Default real memory of one compiler. Its own address space ends at 2 to 4 GiB. Bytes. */
export const MEMORY_BYTES = 2 * 1024 * 1024 * 1024;
/** A compiler that took more than this is started afresh afterwards: its memory never shrinks. Bytes. */
const KEPT_BYTES = 288 * 1024 * 1024;
const PAGE_BYTES = 4096;

export interface CompileOptions {
  readonly wallMs: number;
  /** Bytes of real memory. */
  readonly memoryBytes: number;
  readonly signal: AbortSignal;
}

/** One warm compiler. */
export class CompilerProcess {
  readonly version: string;
  readonly #child: ChildProcess;
  #next = 1;
  /** False once the process has ended or must not be used again. */
  usable = true;

  private constructor(child: ChildProcess, version: string) {
    this.#child = child;
    this.version = version;
    child.once('exit', () => {
      this.usable = false;
    });
  }

  /**
   * Starts a compiler and waits until it is loaded.
   * @throws {ServerError} `compiler/crashed` when the file is no compiler.
   */
  static async start(soljson: string): Promise<CompilerProcess> {
    const own = new URL(import.meta.url.endsWith('.ts') ? './soljson-process.ts' : './soljson-process.js', import.meta.url);
    const file = fileURLToPath(own);
    const execArgv = ['--permission', `--allow-fs-read=${file}`, `--allow-fs-read=${soljson}`, '--no-warnings'];
    const child = fork(file, [soljson], {
      env: {},
      execArgv,
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    try {
      const report = await reportOf(child, {
        wallMs: START_MS,
        memoryBytes: MEMORY_BYTES,
        signal: new AbortController().signal,
      });
      if ('version' in report) return new CompilerProcess(child, report.version);
      throw crashed('it did not tell its version');
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  /** The compiler's answer to one standard JSON input. One at a time. */
  async compile(input: string, options: CompileOptions): Promise<string> {
    const id = this.#next;
    this.#next += 1;
    this.#child.send({ id, input }, () => {});
    try {
      const report = await reportOf(this.#child, options);
      if ('output' in report && report.id === id) {
        if (memoryOf(this.#child) > KEPT_BYTES) this.end();
        return report.output;
      }
      throw crashed('fault' in report ? report.fault : 'it answered another question');
    } catch (error) {
      this.end();
      throw error;
    }
  }

  end(): void {
    this.usable = false;
    this.#child.kill('SIGKILL');
  }
}

/** The next message; kills the process when it takes too long or too much memory. */
function reportOf(child: ChildProcess, { wallMs, memoryBytes, signal }: CompileOptions): Promise<CompileReport> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      clearInterval(watch);
      signal.removeEventListener('abort', onAbort);
      child.off('message', onMessage).off('exit', onExit).off('error', onError);
      settle();
    };
    const stop = (error: unknown): void => {
      child.kill('SIGKILL');
      finish(() => reject(error));
    };
    const onMessage = (message: unknown): void => finish(() => resolve(message as CompileReport));
    const onExit = (code: number | null, by: string | null): void =>
      finish(() => reject(crashed(`it ended with ${code ?? by}`)));
    const onError = (cause: Error): void => finish(() => reject(crashed(cause.message)));
    const onAbort = (): void => stop(signal.reason);
    const timer = setTimeout(
      () =>
        stop(
          new ServerError(
            'compiler/timeout',
            `expected the compiler to end within ${Math.round(wallMs / 1000)} s, got no answer; raise timeout, or send less`,
          ),
        ),
      wallMs,
    );
    const look = (): void => {
      if (memoryOf(child) <= memoryBytes) return;
      stop(
        new ServerError(
          'compiler/too-large',
          `expected a compilation within ${memoryBytes / 1024 / 1024} MiB of memory, got a larger one; send fewer sources`,
        ),
      );
    };
    const watch = setInterval(look, WATCH_MS);
    child.on('message', onMessage).on('exit', onExit).on('error', onError);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else look();
  });
}

/** Real memory of the process, bytes; 0 where the system does not tell. */
function memoryOf({ pid }: ChildProcess): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * PAGE_BYTES;
  } catch {
    return 0;
  }
}

function crashed(why: string): ServerError {
  return new ServerError('compiler/crashed', `the compiler gave no answer: ${why}; change the sources, or try another version`);
}
