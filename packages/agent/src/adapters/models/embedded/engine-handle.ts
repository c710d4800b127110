/**
 * The agent's end of one engine process: starts it with bounded memory and without the agent's environment, gives it one order at a time,
 * and notices when it ends. A process that ends takes its orders with it, and never the agent.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { ServerError } from '../../../errors.ts';
import type {
  EngineFault,
  FromEngine,
  LoadedFacts,
  LoadOrder,
  Measurement,
  MeasureOrder,
  ToEngine,
  WriteOrder,
  WrittenFacts,
} from './engine-messages.ts';

export interface EngineOptions extends LoadOrder {
  /** The process is ended when it takes more. Bytes. */
  readonly memoryBytes: number;
  /** Longest time to load, milliseconds. Default 120 s. */
  readonly loadMs?: number | undefined;
}

interface Order {
  readonly id: number;
  readonly onText: (text: string) => void;
  readonly resolve: (result: WrittenFacts | Measurement) => void;
  readonly reject: (error: unknown) => void;
}

/** Further orders are refused at once. */
const MAX_WAITING = 16;
const WATCH_EVERY_MS = 1000;
/** While a model loads, texts of its vocabulary fill V8's space for new objects, and glibc's second arena; neither gives its pages back. */
const JS_HEAP = ['--max-old-space-size=256', '--max-semi-space-size=1'];
/** glibc: what loading takes in pieces of 128 KiB and more goes back to the system when it is freed. Saves 21 MB with a vocabulary of 150,000. */
const MALLOC = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '131072' };

export class EngineHandle {
  readonly #child: ChildProcess;
  readonly #watch: NodeJS.Timeout;
  readonly facts: LoadedFacts;
  readonly #orders = new Map<number, Order>();
  #nextId = 1;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #ended: ServerError | null = null;

  private constructor(child: ChildProcess, facts: LoadedFacts, memoryBytes: number) {
    this.#child = child;
    this.facts = facts;
    this.#watch = setInterval(() => this.#look(memoryBytes), WATCH_EVERY_MS);
    this.#watch.unref();
    child.on('message', (message: FromEngine) => this.#hear(message));
    child.once('exit', (code, signal) => this.#end(endedBy(code, signal)));
    // An order to a process that is just ending fails here, and would end the agent if it were not heard.
    child.on('error', (cause) => this.#end(unreachable(cause)));
  }

  /**
   * Starts a process and has it load the model.
   * @throws {ServerError} `model/unloadable`, `model/wrong-digest`, `model/not-fetched`, `model/engine-failed`.
   */
  static async start({ memoryBytes, loadMs = 120_000, ...order }: EngineOptions): Promise<EngineHandle> {
    const source = import.meta.url.endsWith('.ts');
    const child = fork(new URL(source ? './engine-process.ts' : './engine-process.js', import.meta.url), [], {
      env: { PATH: '/usr/bin:/bin', HOME: order.engine, ...MALLOC },
      execArgv: [...JS_HEAP, ...(source ? ['--conditions=@assay/source'] : [])],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      serialization: 'json',
    });
    sacrificeFirst(child);
    try {
      const facts = await loaded(child, order, loadMs);
      return new EngineHandle(child, facts, memoryBytes);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  /** Why it can be asked no more; `null` while it can. */
  get ended(): ServerError | null {
    return this.#ended;
  }

  /**
   * Has the model write; orders wait for their turn.
   * @throws {ServerError} `server/busy`, `model/prompt-too-long`, `model/engine-failed`; the signal's reason.
   */
  write(
    order: WriteOrder,
    { signal, onText }: { readonly signal: AbortSignal; readonly onText: (text: string) => void },
  ): Promise<WrittenFacts> {
    return this.#inTurn(() => this.#ask({ kind: 'write', ...order }, signal, onText));
  }

  /** Has the model say how likely it finds tokens, in turn with other orders. @throws as {@link write}. */
  measure(order: MeasureOrder, signal: AbortSignal): Promise<Measurement> {
    return this.#inTurn(() => this.#ask({ kind: 'measure', ...order }, signal, () => undefined));
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#waiting >= MAX_WAITING)
      throw new ServerError('server/busy', `${this.#waiting} prompts wait for the model already; try again in a moment`);
    this.#waiting += 1;
    const before = this.#turn;
    const mine = (async () => {
      await before.catch(() => undefined);
      return work();
    })();
    this.#turn = mine;
    try {
      return await mine;
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Ends the process. */
  close(): void {
    this.#end(new ServerError('server/stopping', 'the agent is stopping; send the request again in a moment'));
    this.#child.kill('SIGKILL');
  }

  /** The answer's kind is that of the order. */
  async #ask<Result extends WrittenFacts | Measurement>(
    order: ({ readonly kind: 'write' } & WriteOrder) | ({ readonly kind: 'measure' } & MeasureOrder),
    signal: AbortSignal,
    onText: (text: string) => void,
  ): Promise<Result> {
    signal.throwIfAborted();
    if (this.#ended !== null) throw this.#ended;
    const id = this.#nextId;
    this.#nextId += 1;
    const cancel = (): void => this.#tell({ kind: 'cancel', id });
    signal.addEventListener('abort', cancel, { once: true });
    try {
      return await new Promise<Result>((resolve, reject) => {
        this.#orders.set(id, { id, onText, resolve: (result) => resolve(result as Result), reject });
        this.#tell({ ...order, id });
      });
    } finally {
      signal.removeEventListener('abort', cancel);
      this.#orders.delete(id);
    }
  }

  #hear(message: FromEngine): void {
    const order = 'id' in message ? this.#orders.get(message.id) : undefined;
    if (message.kind === 'text') order?.onText(message.text);
    else if (message.kind === 'written' || message.kind === 'measured') order?.resolve(message);
    else if (message.kind === 'not-written') order?.reject(errorOf(message));
  }

  #tell(message: ToEngine): void {
    if (this.#child.connected) this.#child.send(message);
  }

  #look(memoryBytes: number): void {
    const bytes = residentBytes(this.#child);
    if (bytes === null || bytes <= memoryBytes) return;
    const limit = `${Math.round(memoryBytes / 1024 / 1024)} MB`;
    this.#end(
      new ServerError('model/engine-failed', `the model took more than ${limit} of memory and was ended; take a smaller model`),
    );
    this.#child.kill('SIGKILL');
  }

  #end(error: ServerError): void {
    clearInterval(this.#watch);
    this.#ended ??= error;
    for (const order of [...this.#orders.values()]) order.reject(this.#ended);
  }
}

function loaded(child: ChildProcess, order: LoadOrder, loadMs: number): Promise<LoadedFacts> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void): void => {
      clearTimeout(timer);
      child.removeAllListeners();
      end();
    };
    const late = new ServerError(
      'model/engine-failed',
      `the model was not loaded within ${loadMs / 1000} s; take a smaller model`,
    );
    const timer = setTimeout(() => settle(() => reject(late)), loadMs);
    child.once('error', (cause) =>
      settle(() =>
        reject(new ServerError('model/engine-failed', 'the engine cannot be started; check the machine', { cause })),
      ),
    );
    child.once('exit', (code, signal) => settle(() => reject(endedBy(code, signal))));
    child.on('message', (message: FromEngine) => {
      if (message.kind === 'loaded') settle(() => resolve(message));
      if (message.kind === 'not-loaded') settle(() => reject(errorOf(message)));
    });
    child.send({ kind: 'load', ...order } satisfies ToEngine);
  });
}

function errorOf({ code, message }: EngineFault): ServerError {
  return new ServerError(code, message);
}

/** `SIGILL`: a processor that the engine was not built for. `SIGKILL`: mostly the system, for want of memory. */
function endedBy(code: number | null, signal: NodeJS.Signals | null): ServerError {
  const how = signal === null ? `with code ${code}` : `by ${signal}`;
  const why =
    signal === 'SIGILL'
      ? '; this processor lacks what the engine needs, connect Ollama instead'
      : '; it is started again with the next prompt';
  return new ServerError('model/engine-failed', `the engine process ended ${how}${why}`);
}

function unreachable(cause: Error): ServerError {
  return new ServerError(
    'model/engine-failed',
    'the engine process takes no more orders; it is started again with the next prompt',
    { cause },
  );
}

/** When memory runs out, the system ends this process, and not the agent. */
function sacrificeFirst({ pid }: ChildProcess): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '1000');
  } catch {
    // not Linux, or the process is gone
  }
}

function residentBytes({ pid }: ChildProcess): number | null {
  try {
    const kilobytes = /^VmRSS:\s+([0-9]+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) * 1024;
  } catch {
    return null;
  }
}
