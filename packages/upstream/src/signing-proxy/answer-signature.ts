/** The signature of one answer (`/v1/signature/{id}`), fetched after its last byte and verified over the exact bytes. */

import {
  type AnswerSignature,
  parseAnswerSignature,
  verifyAnswerSignature,
} from '@assay/attestation/evidence/combined/answer-signature';
import { encodeHex } from '@assay/encoding/hex';
import { type AttestedService, fetchBytes } from '../attested-service.ts';
import { UpstreamError } from '../errors.ts';
import type { ClearExchange } from '../session.ts';
import type { ReportedKeys } from './report.ts';

/** Who signs: the model that was asked, and the addresses that its report binds. */
export interface Signer extends Pick<ReportedKeys, 'addresses' | 'algorithm'> {
  readonly model: string;
}

export interface FetchedSignature {
  readonly chatId: string;
  readonly signature: AnswerSignature;
  /** Exact bytes. */
  readonly document: Uint8Array;
}

const MAX_SIGNATURE_BYTES = 64 * 1024;
/** The signature may be stored a moment after the answer ended. Milliseconds. */
const PAUSES = [0, 50, 200, 800] as const;

/**
 * @param wire bytes as they went over the wire, sealed ones included.
 * @throws {UpstreamError} `service/signature-missing`, `service/unreachable`, `service/refused`; {AttestationError} `answer/…`.
 */
export async function fetchSignature(service: AttestedService, signer: Signer, wire: ClearExchange): Promise<FetchedSignature> {
  const chatId = chatIdOf(wire.received);
  if (chatId === null) {
    throw new UpstreamError(
      'service/signature-missing',
      'expected an answer with an id, got one without; its signature cannot be fetched, do not rely on it',
    );
  }
  const document = await documentOf(service, signer, chatId);
  const signature = parseAnswerSignature(document);
  await verifyAnswerSignature({
    signature,
    attestedAddress: attestedAddress(signer.addresses, signature),
    request: wire.sent,
    response: wire.received,
  });
  return { chatId, signature, document };
}

/** The attested address that the signature claims; the first one when it claims none of them. */
export function attestedAddress(addresses: readonly string[], { address }: AnswerSignature): string {
  const claimed = encodeHex(address);
  return addresses.find((each) => each === claimed) ?? addresses[0] ?? '';
}

/** The `id` in an answer of the chat protocol, whole or streamed; `null` when it has none that fits in a URL. */
function chatIdOf(received: Uint8Array): string | null {
  const text = new TextDecoder().decode(received);
  const first = /^data: ?(\{.*)$/m.exec(text)?.[1] ?? text;
  try {
    const { id } = JSON.parse(first) as { readonly id?: unknown };
    return typeof id === 'string' && /^[\w.:-]{1,128}$/.test(id) ? id : null;
  } catch {
    return null;
  }
}

async function documentOf(service: AttestedService, { model, algorithm }: Signer, chatId: string): Promise<Uint8Array> {
  const query = new URLSearchParams({ model, signing_algo: algorithm });
  for (const pause of PAUSES) {
    if (pause > 0) await service.sleep(pause);
    try {
      return await fetchBytes(service, `/v1/signature/${encodeURIComponent(chatId)}?${query}`, MAX_SIGNATURE_BYTES);
    } catch (error) {
      if (!UpstreamError.is(error) || error.details.status !== 404) throw error;
    }
  }
  throw new UpstreamError(
    'service/signature-missing',
    `expected a signature of answer ${chatId}, got none; do not rely on the answer`,
  );
}
