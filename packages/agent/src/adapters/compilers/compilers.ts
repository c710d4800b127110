/**
 * Warm compilers: one process a version, started when first asked for and kept. Few run at once, and few are kept: the least recently
 * used one goes. A compiler's file is hashed again before it is started.
 */

import { availableParallelism } from 'node:os';
import { ServerError } from '../../errors.ts';
import type { CompileRequest, CompilerRelease, Compilers } from '../../ports/compilers.ts';
import { CompilerProcess, MEMORY_BYTES } from './compiler-process.ts';
import { KeptOutputs } from './kept-outputs.ts';
import { installedCompilers, verifiedSoljson } from './store.ts';

/** Idle compilers that are kept; each holds 100 to 300 MB. */
const KEPT = 3;
/** Inputs that wait; each is held in memory. */
const MOST_WAITING = 64;

export interface CompilersOptions {
  readonly folder: string;
  /** Compilations at the same time; half of the cores by default. */
  readonly concurrency?: number | undefined;
  /** Real memory of one compiler, bytes; 2 GiB by default. */
  readonly memoryBytes?: number | undefined;
}

/**
 * The compilers in a folder. Nothing is started until something is to be compiled.
 * @example const compilers = openCompilers({ folder: '/var/lib/assay/compilers', concurrency: 2 })
 */
export function openCompilers(options: CompilersOptions): Compilers {
  return new WarmCompilers(options);
}

class WarmCompilers implements Compilers {
  readonly #folder: string;
  readonly #concurrency: number;
  readonly #memoryBytes: number;
  /** Least recently used first. */
  readonly #idle: { readonly version: string; readonly process: CompilerProcess }[] = [];
  readonly #busy = new Set<CompilerProcess>();
  readonly #waiting: (() => void)[] = [];
  readonly #outputs = new KeptOutputs();
  #running = 0;
  #closed = false;

  constructor({ folder, concurrency, memoryBytes }: CompilersOptions) {
    this.#memoryBytes = memoryBytes ?? MEMORY_BYTES;
    this.#folder = folder;
    this.#concurrency = concurrency ?? Math.max(1, Math.floor(availableParallelism() / 2));
  }

  get releases(): readonly CompilerRelease[] {
    return installedCompilers(this.#folder);
  }

  async compile({ version, input, wallMs, signal }: CompileRequest): Promise<string> {
    const release = this.releases.find((each) => each.version === version);
    if (release === undefined) throw this.#unknown(version);
    const known = this.#outputs.find(release, input);
    if (known !== null) return known;
    await this.#turn(signal);
    try {
      const compiler = await this.#take(release);
      this.#busy.add(compiler);
      try {
        const output = await compiler.compile(input, { wallMs, memoryBytes: this.#memoryBytes, signal });
        this.#outputs.keep(release, input, output);
        return output;
      } finally {
        this.#busy.delete(compiler);
        this.#keep(version, compiler);
      }
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { process } of this.#idle.splice(0)) process.end();
    for (const process of this.#busy) process.end();
  }

  async #turn(signal: AbortSignal): Promise<void> {
    while (this.#running >= this.#concurrency) {
      if (this.#waiting.length >= MOST_WAITING)
        throw new ServerError('server/busy', `${MOST_WAITING} compilations wait already; try again in a moment`, {
          details: { retryAfterSeconds: 5 },
        });
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          signal.removeEventListener('abort', leave);
          resolve();
        };
        const leave = (): void => {
          const at = this.#waiting.indexOf(wake);
          if (at >= 0) this.#waiting.splice(at, 1);
          resolve();
        };
        this.#waiting.push(wake);
        signal.addEventListener('abort', leave, { once: true });
      });
      signal.throwIfAborted();
    }
    this.#running += 1;
  }

  async #take(release: CompilerRelease): Promise<CompilerProcess> {
    const at = this.#idle.findIndex(({ version, process }) => version === release.version && process.usable);
    const [found] = at < 0 ? [] : this.#idle.splice(at, 1);
    return found?.process ?? CompilerProcess.start(verifiedSoljson(this.#folder, release));
  }

  #keep(version: string, process: CompilerProcess): void {
    if (this.#closed) process.end();
    if (!process.usable) return;
    this.#idle.push({ version, process });
    while (this.#idle.length > KEPT) this.#idle.shift()?.process.end();
  }

  #unknown(version: string): ServerError {
    const there = this.releases.map((each) => each.version).join(', ') || 'none';
    return new ServerError(
      'compiler/unknown',
      `expected one of the compilers ${there}, got ${JSON.stringify(version.slice(0, 40))}; the operator adds one with: assay solc add ${version.slice(0, 20)}`,
    );
  }
}
