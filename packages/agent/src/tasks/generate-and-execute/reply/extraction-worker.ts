/** The thread of `extract-aside.ts`: reads one reply and ends. */

import { parentPort, workerData } from 'node:worker_threads';
import { type ExtractionOptions, extractCode } from '../extract-code.ts';
import type { GeneratedLanguage } from './language.ts';

export interface ExtractionJob {
  readonly reply: string;
  readonly language: GeneratedLanguage;
  readonly options: ExtractionOptions;
}

const { reply, language, options } = workerData as ExtractionJob;
parentPort?.postMessage(extractCode(reply, language, options));
