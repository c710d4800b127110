/**
 * Makes a document of an audit: short work at once, long work in a thread of its own, so that the agent answers others meanwhile. There is one such
 * thread, however many audits end together. What comes back is bounded by the limits of the readers in `@assay/contracts`.
 */

import { Turns } from '../../turns.ts';
import { DocumentThread } from './document-thread.ts';
import { lengthOf, MAKERS, type Makers } from './makers.ts';

/** The longest input whose document is made at once: some 20 ms of work. As {@link lengthOf} counts. */
const SHORT = 64 * 1024;
const THREAD = new DocumentThread();
const TURNS = new Turns(1);

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
  if (lengthOf[kind](job as never) <= SHORT) return MAKERS[kind](job as never) as ReturnType<Makers[Kind]>;
  const end = await TURNS.take(signal);
  try {
    return (await THREAD.make({ kind, job }, signal)) as ReturnType<Makers[Kind]>;
  } finally {
    end();
  }
}
