/** What a receipt and its bundle keep of an answer that an attested service vouched for (spec/receipt.md). */

import { createHash } from 'node:crypto';
import { utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { canonicalJson } from '@assay/encoding/json';
import { type AnswerEvidence, type AttestedSession, type ClearExchange, FIELD_ENCRYPTION } from '@assay/upstream';
import type { UpstreamProof, UpstreamSession } from '../../ports/upstream.ts';

/** The event `upstream.signed` or `upstream.sealed`, with the file behind it. */
export function proofOf(
  { sessionId, facts }: UpstreamSession,
  { channel }: AttestedSession,
  evidence: AnswerEvidence,
  exchange: ClearExchange,
): UpstreamProof {
  const common = { session_id: sessionId, simulated: facts.simulated };
  if (evidence.type === 'sealed') {
    const record = { encapsulated_key: evidence.encapsulatedKey, response_nonce: evidence.responseNonce };
    const hashes = { request_hash: digest(exchange.sent), response_hash: digest(exchange.received) };
    return {
      event: { type: 'upstream.sealed', sealed: evidence.scheme, ...common, ...record, ...hashes },
      payload: { name: 'upstream-channel', mediaType: 'application/json', bytes: utf8(canonicalJson(record)) },
    };
  }
  const { chatId, signature, proof } = evidence;
  return {
    event: {
      type: 'upstream.signed',
      ...common,
      chat_id: chatId,
      signing_address: encodeHex(signature.address),
      signing_algo: signature.algorithm,
      signed_model: signature.model,
      request_hash: `sha256:${signature.requestHash}`,
      response_hash: `sha256:${signature.responseHash}`,
      signature_hash: digest(proof.signature),
      ...(channel.sealedTo === null ? {} : { sealed: FIELD_ENCRYPTION }),
    },
    payload: { name: 'upstream-signature', mediaType: 'application/json', bytes: proof.signature },
  };
}

function digest(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
