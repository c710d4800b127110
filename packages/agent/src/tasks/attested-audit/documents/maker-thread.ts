/** The thread of `make-document.ts`: makes one document and ends. */

import { parentPort, workerData } from 'node:worker_threads';
import { isCoded } from '@assay/encoding/coded-error';
import { MAKERS, type Makers } from './makers.ts';

export interface ThreadOrder {
  readonly kind: keyof Makers;
  readonly job: Parameters<Makers[keyof Makers]>[0];
}

/** A coded error, on its way between threads. */
export interface Refusal {
  readonly name: string;
  readonly code: string;
  readonly message: string;
}

export type ThreadReport = { readonly made: ReturnType<Makers[keyof Makers]> } | { readonly refusal: Refusal };

const { kind, job } = workerData as ThreadOrder;

function report(): ThreadReport {
  try {
    return { made: MAKERS[kind](job as never) };
  } catch (error) {
    if (!isCoded(error)) throw error;
    return { refusal: { name: error.name, code: error.code, message: error.message } };
  }
}

parentPort?.postMessage(report());
