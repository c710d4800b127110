/**
 * Makes a document of an audit: short work at once, long work in a thread of its own, so that the agent answers others meanwhile. There is one such
 * thread at a time, however many audits end together. What comes back is bounded by the limits of the readers in `@assay/contracts`.
 */

import { Worker } from 'node:worker_threads';
import { ContractsError, type ContractsErrorCode } from '@assay/contracts';
import { unlessAborted } from '@assay/encoding/abortable';
import { EncodingError, type EncodingErrorCode } from '@assay/encoding/errors';
import { ServerError } from '../../../errors.ts';
import { Turns } from '../../turns.ts';
import type { Refusal, ThreadOrder, ThreadReport } from './maker-thread.ts';
import { lengthOf, MAKERS, type Makers } from './makers.ts';

/** The longest input whose document is made at once: some 20 ms of work. A thread takes about 100 ms to start. As {@link lengthOf} counts. */
const SHORT = 64 * 1024;
const MAX_HEAP_MB = 1024;
/** Threads together take the memory of one. */
const THREAD = new Turns(1);

/**
 * The document of this kind.
 * @throws {ContractsError} `audit/malformed`, `project/too-large`; {@link EncodingError} `json/malformed`, `json/limit`; {@link ServerError} `audit/analyzer-failed` when
 * the thread ends without one; the signal's reason.
 * @example await makeDocument('sarif', { audit, lint: null }, signal)
 */
export async function makeDocument<Kind extends keyof Makers>(
  kind: Kind,
  job: Parameters<Makers[Kind]>[0],
  signal: AbortSignal,
): Promise<ReturnType<Makers[Kind]>> {
  signal.throwIfAborted();
  const made = lengthOf[kind](job as never) <= SHORT ? MAKERS[kind](job as never) : await madeAside({ kind, job }, signal);
  return made as ReturnType<Makers[Kind]>;
}

async function madeAside(order: ThreadOrder, signal: AbortSignal): Promise<ReturnType<Makers[keyof Makers]>> {
  const end = await THREAD.take(signal);
  try {
    const source = import.meta.url.endsWith('.ts');
    const worker = new Worker(new URL(source ? './maker-thread.ts' : './maker-thread.js', import.meta.url), {
      workerData: order,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
      ...(source ? { execArgv: ['--conditions=@assay/source'] } : {}),
    });
    try {
      return await unlessAborted(reportOf(worker), signal);
    } finally {
      // The next thread begins when the memory of this one is free.
      await worker.terminate();
    }
  } finally {
    end();
  }
}

/** Settles with what comes first: its report, or its end. */
function reportOf(worker: Worker): Promise<ReturnType<Makers[keyof Makers]>> {
  return new Promise<ReturnType<Makers[keyof Makers]>>((resolve, reject) => {
    worker.once('message', (report: ThreadReport) => {
      if ('made' in report) resolve(report.made);
      else reject(coded(report.refusal));
    });
    worker.on('error', (error: Error & { readonly code?: string }) => reject(unmade(error.code ?? error.name)));
    worker.once('exit', (code) => reject(unmade(`exit ${code}`)));
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
