/** An answer whose end waits for its proof, together with that proof. */

import { readPieces, toReadableStream } from '@assay/channel';
import type { Reservation } from '@assay/encoding/budget';
import { settledAnswer } from '../connection/settled-answer.ts';
import type { ForwardedAnswer, ProofFile } from './upstream.ts';

/**
 * @param prove - Called with the whole answer. When it throws, or the answer breaks off, the body and the promise end in that error.
 * @param held - Grows by what is kept of the answer.
 * @example const { response, proof } = settledBy(answer, async () => null);
 */
export function settledBy(
  answer: Response,
  prove: (received: Uint8Array) => Promise<ProofFile | null>,
  held?: Reservation,
): ForwardedAnswer {
  let response = answer;
  const proof = new Promise<ProofFile | null>((resolve, reject) => {
    const { body, status, headers } = settledAnswer(answer, async (received) => resolve(await prove(received)), held);
    response = new Response(body === null ? null : toReadableStream(watched(body, reject)), { status, headers });
  });
  proof.catch(() => undefined); // the body ends in the same error
  return { response, proof };
}

/** The pieces of a body; tells of the error that it ends in. */
async function* watched(body: ReadableStream<Uint8Array>, onError: (error: unknown) => void): AsyncGenerator<Uint8Array> {
  try {
    yield* readPieces(body);
  } catch (error) {
    onError(error);
    throw error;
  }
}
