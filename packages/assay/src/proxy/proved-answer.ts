/** An answer whose end waits for its proof, together with that proof. */

import { settledAnswer } from '../connection/settled-answer.ts';
import type { AnswerProof } from './upstream.ts';

/**
 * @param prove - Called when the whole answer is here. When it throws, the body and the promise end in that error.
 * @example const { response, proof } = settledBy(answer, () => proofOf(receiptId));
 */
export function settledBy(
  answer: Response,
  prove: () => Promise<AnswerProof>,
): { readonly response: Response; readonly proof: Promise<AnswerProof> } {
  let response = answer;
  const proof = new Promise<AnswerProof>((resolve, reject) => {
    response = settledAnswer(answer, async () => {
      try {
        resolve(await prove());
      } catch (error) {
        reject(error);
        throw error;
      }
    });
  });
  proof.catch(() => undefined); // the body ends in the same error
  return { response, proof };
}
