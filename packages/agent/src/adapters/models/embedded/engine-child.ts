/** Starts an engine process with bounded memory and without the agent's environment, and has it load one model. */

import { type ChildProcess, fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { ServerError } from '../../../errors.ts';
import type { EngineFault, FromEngine, LoadedFacts, LoadOrder, ToEngine } from './engine-messages.ts';

export interface EngineStart extends LoadOrder {
  /** Longest time to load, milliseconds. Default 120 s. */
  readonly loadMs?: number | undefined;
  /** Ends loading, and the process. */
  readonly signal?: AbortSignal | undefined;
}

/** A process that has loaded its model. */
export interface EngineChild {
  readonly child: ChildProcess;
  readonly facts: LoadedFacts;
}

/** While a model loads, texts of its vocabulary fill V8's space for new objects, and glibc's second arena; neither gives its pages back. */
const JS_HEAP = ['--max-old-space-size=256', '--max-semi-space-size=1'];
/** glibc: what loading takes in pieces of 128 KiB and more goes back to the system when it is freed. Saves 21 MB with a vocabulary of 150,000. */
const MALLOC = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '131072' };

/**
 * Starts a process and has it load the model; none is left behind when this rejects.
 * @throws {ServerError} `model/unloadable`, `model/wrong-digest`, `model/not-fetched`, `model/engine-failed`; the signal's reason.
 */
export async function startEngine({ loadMs = 120_000, signal, ...order }: EngineStart): Promise<EngineChild> {
  signal?.throwIfAborted();
  const source = import.meta.url.endsWith('.ts');
  const child = fork(new URL(source ? './engine-process.ts' : './engine-process.js', import.meta.url), [], {
    env: { PATH: '/usr/bin:/bin', HOME: order.engine, ...MALLOC },
    execArgv: [...JS_HEAP, ...(source ? ['--conditions=@assay/source'] : [])],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    serialization: 'json',
    // A group of its own: Ctrl-C is for the program that runs it, which ends it in order.
    detached: true,
  });
  sacrificeFirst(child);
  try {
    return { child, facts: await loaded(child, order, { loadMs, signal }) };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

function loaded(
  child: ChildProcess,
  order: LoadOrder,
  { loadMs, signal }: { readonly loadMs: number; readonly signal: AbortSignal | undefined },
): Promise<LoadedFacts> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      child.removeAllListeners();
      // What cannot be delivered to a process that is ending says nothing new.
      child.on('error', () => undefined);
      end();
    };
    const stop = (): void => settle(() => reject(signal?.reason));
    const late = new ServerError(
      'model/engine-failed',
      `the model was not loaded within ${loadMs / 1000} s; take a smaller model`,
    );
    const timer = setTimeout(() => settle(() => reject(late)), loadMs);
    signal?.addEventListener('abort', stop, { once: true });
    child.once('error', (cause) =>
      settle(() =>
        reject(new ServerError('model/engine-failed', 'the engine cannot be started; check the machine', { cause })),
      ),
    );
    child.once('exit', (code, by) => settle(() => reject(endedBy(code, by))));
    child.on('message', (message: FromEngine) => {
      if (message.kind === 'loaded') settle(() => resolve(message));
      if (message.kind === 'not-loaded') settle(() => reject(errorOf(message)));
    });
    child.send({ kind: 'load', ...order } satisfies ToEngine);
  });
}

export function errorOf({ code, message }: EngineFault): ServerError {
  return new ServerError(code, message);
}

/** `SIGILL`: a processor that the engine was not built for. `SIGKILL`: mostly the system, for want of memory. */
export function endedBy(code: number | null, signal: NodeJS.Signals | null): ServerError {
  const how = signal === null ? `with code ${code}` : `by ${signal}`;
  const why =
    signal === 'SIGILL'
      ? '; this processor lacks what the engine needs, connect Ollama instead'
      : '; it is started again with the next prompt';
  return new ServerError('model/engine-failed', `the engine process ended ${how}${why}`);
}

/** When memory runs out, the system ends this process, and not the agent. */
function sacrificeFirst({ pid }: ChildProcess): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '1000');
  } catch {
    // not Linux, or the process is gone
  }
}
