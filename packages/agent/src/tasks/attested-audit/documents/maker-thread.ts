/** The thread of `document-thread.ts`: makes the documents that it is told to, one after another. */

import { getHeapStatistics } from 'node:v8';
import { parentPort } from 'node:worker_threads';
import { isCoded } from '@assay/encoding/coded-error';
import { MAKERS, type Makers } from './makers.ts';

export type MadeByThread = ReturnType<Makers[keyof Makers]>;

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

/** `heapBytes`: what the thread's heap takes afterwards. */
export type ThreadReport = ({ readonly made: MadeByThread } | { readonly refusal: Refusal }) & { readonly heapBytes: number };

function madeOf({ kind, job }: ThreadOrder): { readonly made: MadeByThread } | { readonly refusal: Refusal } {
  try {
    return { made: MAKERS[kind](job as never) };
  } catch (error) {
    if (!isCoded(error)) throw error;
    return { refusal: { name: error.name, code: error.code, message: error.message } };
  }
}

parentPort?.on('message', (order: ThreadOrder) => {
  const made = madeOf(order);
  parentPort?.postMessage({ ...made, heapBytes: getHeapStatistics().total_heap_size } satisfies ThreadReport);
});
