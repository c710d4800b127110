/** Reads a long reply in a worker thread with a deadline, so that no endpoint can silence the agent by what it answers. */

import { Worker } from 'node:worker_threads';
import type { Extraction, ExtractionOptions } from '../extract-code.ts';
import type { ExtractionJob } from './extraction-worker.ts';
import type { GeneratedLanguage } from './language.ts';

/** Reading is linear and its work is bounded; this only ends what should not be. Milliseconds. */
const DEADLINE_MS = 10_000;
const MAX_HEAP_MB = 512;

/** As `extractCode`, aside. A reply that takes too long holds no program. */
export function extractAside(reply: string, language: GeneratedLanguage, options: ExtractionOptions): Promise<Extraction> {
  const source = import.meta.url.endsWith('.ts');
  const job: ExtractionJob = { reply, language, options };
  const worker = new Worker(new URL(source ? './extraction-worker.ts' : './extraction-worker.js', import.meta.url), {
    workerData: job,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    ...(source ? { execArgv: ['--conditions=@assay/source'] } : {}),
  });
  return new Promise((resolve) => {
    const settle = (extraction: Extraction): void => {
      clearTimeout(timer);
      void worker.terminate();
      resolve(extraction);
    };
    const unread = (why: string): void =>
      settle({ found: false, reason: `the reply could not be read (${why}); write a shorter one` });
    const timer = setTimeout(() => unread(`it took more than ${DEADLINE_MS / 1000} s`), DEADLINE_MS);
    worker.once('message', settle);
    worker.once('error', (error: Error) => unread(error.name));
    worker.once('exit', () => unread('the reader ended'));
  });
}
