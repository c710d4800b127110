/**
 * Makes a document of an audit: short work at once, long work in a thread of its own, so that the agent answers others meanwhile. What comes back is
 * bounded by the limits of the readers in `@assay/contracts`.
 */

import { Worker } from 'node:worker_threads';
import { ContractsError, type ContractsErrorCode } from '@assay/contracts';
import { EncodingError, type EncodingErrorCode } from '@assay/encoding/errors';
import { ServerError } from '../../../errors.ts';
import type { Refusal, ThreadOrder, ThreadReport } from './maker-thread.ts';
import { MAKERS, type Makers } from './makers.ts';

/** The longest input whose document is made at once: some 20 ms of work. A thread takes about 100 ms to start. Bytes. */
const SHORT = 64 * 1024;
const MAX_HEAP_MB = 1024;

export interface MakeOptions {
  /** Length of what the work is about, bytes or UTF-16 units. */
  readonly length: number;
  readonly signal: AbortSignal;
}

/**
 * The document of this kind.
 * @throws {ContractsError} `audit/malformed`, `project/too-large`; {@link EncodingError} `json/malformed`, `json/limit`; {@link ServerError} `audit/analyzer-failed` when
 * the thread ends without one; the signal's reason.
 * @example await makeDocument('sarif', { audit, lint: null }, { length: text.length, signal })
 */
export async function makeDocument<Kind extends keyof Makers>(
  kind: Kind,
  job: Parameters<Makers[Kind]>[0],
  { length, signal }: MakeOptions,
): Promise<ReturnType<Makers[Kind]>> {
  signal.throwIfAborted();
  const made = length <= SHORT ? MAKERS[kind](job as never) : await madeAside({ kind, job }, signal);
  return made as ReturnType<Makers[Kind]>;
}

function madeAside(order: ThreadOrder, signal: AbortSignal): Promise<ReturnType<Makers[keyof Makers]>> {
  const source = import.meta.url.endsWith('.ts');
  const worker = new Worker(new URL(source ? './maker-thread.ts' : './maker-thread.js', import.meta.url), {
    workerData: order,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    ...(source ? { execArgv: ['--conditions=@assay/source'] } : {}),
  });
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void): void => {
      signal.removeEventListener('abort', leave);
      void worker.terminate();
      finish();
    };
    const leave = (): void => settle(() => reject(signal.reason));
    const fail = (why: string): void => settle(() => reject(unmade(why)));
    worker.once('message', (report: ThreadReport) =>
      settle(() => ('made' in report ? resolve(report.made) : reject(coded(report.refusal)))),
    );
    worker.once('error', (error: Error & { readonly code?: string }) => fail(error.code ?? error.name));
    worker.once('exit', (code) => fail(`exit ${code}`));
    signal.addEventListener('abort', leave, { once: true });
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
