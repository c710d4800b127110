/**
 * That a receipt is about this very exchange: its hashes are over the bytes that were sent and the bytes that came back. The channel
 * alone proves that the enclave answered; this proves that what it signed and logged is what it said.
 * Not checked here: the receipt's signature, and whose keyset it is of.
 */

import { type JsonObject, parseJson } from '@assay/encoding/json';
import type { Receipt } from '@assay/receipt';
import { ClientError } from '../errors.ts';
import { answerDigest, bytesDigest } from '../verification/answer-digest.ts';
import { wholeEvents } from './whole-events.ts';

export interface Exchange {
  /** Bodies, without any encryption of the channel. `null`: a request of another process, not compared. */
  readonly request: Uint8Array | null;
  readonly answer: Uint8Array;
}

/**
 * @throws {ClientError} `client/receipt-mismatch` when the receipt is of another request or another answer; {EncodingError} for an
 * answer that is no JSON although the receipt says so.
 * @example await assertCovers(receipt, { request: utf8('{"model":"default"}'), answer: bytes });
 */
export async function assertCovers(receipt: Receipt, { request, answer }: Exchange): Promise<void> {
  const [received] = wholeEvents(receipt, 'request.received');
  if (request !== null) compare(receipt, 'request', received?.body_hash, await bytesDigest(request));
  const returned = wholeEvents(receipt, 'response.returned').at(-1);
  const digest =
    returned?.form === 'jcs-without-receipt' ? await answerDigest(parseJson(answer) as JsonObject) : await bytesDigest(answer);
  compare(receipt, 'answer', returned?.body_hash, digest);
}

function compare({ receipt_id: id }: Receipt, what: string, signed: unknown, actual: string): void {
  if (signed === actual) return;
  throw new ClientError(
    'client/receipt-mismatch',
    `expected receipt ${id} over this ${what} (${actual}), got one over ${String(signed)}; do not rely on the answer`,
    { details: { receipt: id, signed, actual } },
  );
}
