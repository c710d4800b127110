/**
 * The parent's side of `maker-thread.ts`: one thread that makes one document at a time and stays a while for the next, because a thread takes about
 * 100 ms to start and its code some tens to become fast. What it holds afterwards is bounded: one that grew is ended.
 */

import { Worker } from 'node:worker_threads';
import { ContractsError, type ContractsErrorCode } from '@assay/contracts';
import { unlessAborted } from '@assay/encoding/abortable';
import { EncodingError, type EncodingErrorCode } from '@assay/encoding/errors';
import { ServerError } from '../../../errors.ts';
import type { MadeByThread, Refusal, ThreadOrder, ThreadReport } from './maker-thread.ts';

const MAX_HEAP_MB = 1024;
/** A thread whose heap is larger after a document is ended: it would not shrink. Bytes. */
const KEPT_HEAP_BYTES = 48 * 1024 * 1024;
const IDLE_MS = 30_000;

export class DocumentThread {
  #worker: Worker | null = null;
  #idle: NodeJS.Timeout | undefined;

  /**
   * The document of one order. The caller waits for it before it gives another.
   * @throws {ContractsError} `audit/malformed`, `project/too-large`; {@link EncodingError} `json/malformed`, `json/limit`; {@link ServerError} `audit/analyzer-failed` when
   * the thread ends without a document; the signal's reason.
   * @example await thread.make({ kind: 'sarif', job: { audit, lint: null } }, signal)
   */
  async make(order: ThreadOrder, signal: AbortSignal): Promise<MadeByThread> {
    clearTimeout(this.#idle);
    const worker = this.#worker ?? this.#start();
    worker.ref();
    try {
      worker.postMessage(order);
      const { heapBytes, ...report } = await unlessAborted(reportOf(worker), signal);
      if (heapBytes > KEPT_HEAP_BYTES) await this.#end();
      if ('made' in report) return report.made;
      throw coded(report.refusal);
    } catch (error) {
      // One that was stopped, or failed, may still be at work.
      if (signal.aborted || ServerError.is(error)) await this.#end();
      throw error;
    } finally {
      this.#rest();
    }
  }

  #start(): Worker {
    const source = import.meta.url.endsWith('.ts');
    const worker = new Worker(new URL(source ? './maker-thread.ts' : './maker-thread.js', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
      ...(source ? { execArgv: ['--conditions=@assay/source'] } : {}),
    });
    worker.on('error', () => undefined); // told by the call that waits for the document; one that is idle is only gone
    worker.once('exit', () => {
      if (this.#worker === worker) this.#worker = null;
    });
    this.#worker = worker;
    return worker;
  }

  /** The next thread begins when the memory of this one is free. */
  async #end(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }

  /** Leaves the thread a while; it holds up no process that ends. */
  #rest(): void {
    this.#worker?.unref();
    this.#idle = setTimeout(() => void this.#end(), IDLE_MS).unref();
  }
}

/** Settles with what comes first: its report, or its end. */
function reportOf(worker: Worker): Promise<ThreadReport> {
  return new Promise((resolve, reject) => {
    const onMessage = (report: ThreadReport): void => settle(() => resolve(report));
    const onError = (error: Error & { readonly code?: string }): void => settle(() => reject(unmade(error.code ?? error.name)));
    const onExit = (code: number): void => settle(() => reject(unmade(`exit ${code}`)));
    const settle = (how: () => void): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      how();
    };
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
  });
}

/** Errors lose their class on the way between threads. */
function coded({ name, code, message }: Refusal): Error {
  if (name === 'EncodingError') return new EncodingError(code as EncodingErrorCode, message);
  return new ContractsError(code as ContractsErrorCode, message);
}

function unmade(why: string): ServerError {
  return new ServerError(
    'audit/analyzer-failed',
    `expected a report that can be read within ${MAX_HEAP_MB} MiB of memory, got ${why}; audit fewer sources at once`,
  );
}
