/**
 * The agent's end of one engine process: gives it one order at a time, watches its memory, and notices when it ends. A process that ends takes
 * its orders with it, and never the agent.
 */

import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { ServerError } from '../../../errors.ts';
import { type EngineStart, endedBy, errorOf, startEngine } from './engine-child.ts';
import type {
  FromEngine,
  LoadedFacts,
  Measurement,
  MeasureOrder,
  ToEngine,
  WriteOrder,
  WrittenFacts,
} from './engine-messages.ts';

export interface EngineOptions extends EngineStart {
  /** The process is ended when it takes more. Bytes. */
  readonly memoryBytes: number;
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
   * @throws {ServerError} `model/unloadable`, `model/wrong-digest`, `model/not-fetched`, `model/engine-failed`; the signal's reason.
   */
  static async start({ memoryBytes, ...start }: EngineOptions): Promise<EngineHandle> {
    const { child, facts } = await startEngine(start);
    return new EngineHandle(child, facts, memoryBytes);
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

function unreachable(cause: Error): ServerError {
  return new ServerError(
    'model/engine-failed',
    'the engine process takes no more orders; it is started again with the next prompt',
    { cause },
  );
}

function residentBytes({ pid }: ChildProcess): number | null {
  try {
    const kilobytes = /^VmRSS:\s+([0-9]+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) * 1024;
  } catch {
    return null;
  }
}
