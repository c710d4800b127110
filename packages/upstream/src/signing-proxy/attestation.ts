/**
 * Inference services that sign their answers inside a TEE: RedPill, NEAR AI, the dstack vLLM proxy. `/v1/attestation/report` shows
 * which signing addresses the hardware vouches for; `/v1/signature/{id}` is the signature over one answer.
 *
 * Proves: keys in genuine, wanted TEEs, for a nonce made here; answers signed by them byte by byte; and, where the report data commits to
 * it, the TLS key that the service's connections must show (`tlsKey`). Pinning that key is the caller's part: without it, whoever
 * terminates TLS in front of the service can read prompts, and can only not change answers unnoticed.
 */

import {
  type AnswerSignature,
  parseAnswerSignature,
  verifyAnswerSignature,
} from '@assay/attestation/evidence/combined/answer-signature';
import type { Claims, NamedClaims, VerifiedClaims } from '@assay/attestation/model/claims';
import { encodeHex } from '@assay/encoding/hex';
import { type AttestedService, type FreshEvidence, fetchBytes, verifyFresh } from '../attested-service.ts';
import { UpstreamError } from '../errors.ts';
import type { ClearExchange } from '../session.ts';

/** A report as it came, what it needed, and what was found. Usable only when `result.outcome` is `accepted`. */
export interface ProxyAttestation extends FreshEvidence {
  readonly model: string;
  /** Lower-case hex addresses that may sign answers. */
  readonly addresses: readonly string[];
  readonly algorithm: 'ecdsa' | 'ed25519';
  /** Lower-case hex public key behind the first address: 64 bytes x ‖ y, or 32; `null` when the report shows none. */
  readonly publicKey: string | null;
  /** Hex SHA-256 of the SPKI that the node in front proves it serves TLS with; `null` when the report binds none. */
  readonly tlsKey: string | null;
}

export interface ReportForm {
  /**
   * Asks for a report that binds the TLS key, for services whose address ends in the TEE that is shown. Behind a gateway that shows only
   * the nodes in the back, the key would be that of another address.
   */
  readonly askTlsKey?: boolean;
}

export interface ProvedAnswer {
  readonly chatId: string;
  readonly signature: AnswerSignature;
  /** The signature document, exact bytes. */
  readonly document: Uint8Array;
}

const MAX_SIGNATURE_BYTES = 64 * 1024;
/** The signature may be stored a moment after the answer ended. Milliseconds. */
const PAUSES = [0, 50, 200, 800] as const;

/**
 * Fetches the report of `model` for a fresh nonce and verifies it. No prompt is part of this.
 * @throws {UpstreamError} `service/unreachable`, `service/refused`, `endorsements/…`.
 * @example
 * const { result, addresses } = await verifyProxy(service, 'phala/gemma-3-27b-it');
 * if (result.outcome !== 'accepted') throw new Error(result.error?.message);
 */
export async function verifyProxy(
  service: AttestedService,
  model: string,
  { askTlsKey = false }: ReportForm = {},
): Promise<ProxyAttestation> {
  const nonce = encodeHex(crypto.getRandomValues(new Uint8Array(32)));
  // NEAR listens to the one name, the dstack proxy to the other; who knows neither leaves the key out.
  const tlsForm = askTlsKey ? { include_tls_fingerprint: 'true', version: '2' } : {};
  const query = new URLSearchParams({ model, nonce, ...tlsForm });
  const verified = await verifyFresh(service, `/v1/attestation/report?${query}`, nonce);
  const { result } = verified;
  const signers = result.claims === undefined ? [] : signingNodes(result.claims);
  const speaker: NamedClaims | undefined = signers[0];
  if (result.outcome === 'accepted' && speaker === undefined) {
    throw new UpstreamError(
      'service/address-missing',
      `expected a report that binds a signing address, got one that binds none; ${service.base} cannot prove its answers`,
    );
  }
  return {
    ...{ model, ...verified },
    addresses: signers.map(({ identity }: NamedClaims) => identity['signing-address'] ?? ''),
    algorithm: speaker?.identity['signing-algorithm'] === 'ed25519' ? 'ed25519' : 'ecdsa',
    publicKey: publicKeyOf(speaker),
    tlsKey: result.claims === undefined ? null : terminatingKey(result.claims),
  };
}

/** Nodes whose keys may sign answers: those of models; a gateway only when it stands alone. */
export function signingNodes(claims: Claims): readonly VerifiedClaims[] {
  const nodes = Object.entries(claims.submodules).filter(
    ([, node]) => (node as NamedClaims).identity['signing-address'] !== undefined,
  );
  const models = nodes.filter(([name]) => /^model(-\d+)?$/.test(name));
  return (models.length > 0 ? models : nodes).map(([, node]) => node);
}

/**
 * The TLS key of the node that connections end in: the gateway where there is one, otherwise the model's. Several nodes with several
 * keys bind none: which of them a connection meets is not known before it is made.
 */
function terminatingKey(claims: Claims): string | null {
  const { gateway } = claims.submodules;
  const keys = new Set(
    (gateway === undefined ? signingNodes(claims) : [gateway]).map(({ identity }: NamedClaims) => identity['tls-fingerprint']),
  );
  const [key = null] = keys;
  return keys.size === 1 ? key : null;
}

/** The verifier has compared it with the address; an address alone is no key of the curve. */
function publicKeyOf(node: NamedClaims | undefined): string | null {
  const key = node?.bindings.publicKey ?? null;
  if (key === null || node?.identity['signing-algorithm'] === 'ed25519') return key;
  return /^(04)?[0-9a-f]{128}$/.test(key) ? key.slice(-128) : null;
}

/** GPUs of a node with authentic evidence that answers the node's own nonce. */
export function attestedGpus(node: Claims): readonly VerifiedClaims[] {
  const answered = node.checks.some(({ id, outcome }) => id === 'combined.gpu-nonce' && outcome === 'pass');
  return answered ? Object.entries(node.submodules).flatMap(([name, part]) => (/^gpu-\d+$/.test(name) ? [part] : [])) : [];
}

/**
 * Fetches the signature of an answer and checks it over the exact bytes.
 * @throws {UpstreamError} `service/signature-missing`, `service/unreachable`, `answer/…`.
 */
export async function proveAnswer(
  service: AttestedService,
  attested: ProxyAttestation,
  { sent, received }: ClearExchange,
): Promise<ProvedAnswer> {
  const chatId = chatIdOf(received);
  if (chatId === null) {
    throw new UpstreamError(
      'service/signature-missing',
      'expected an answer with an id, got one without; its signature cannot be fetched, do not rely on it',
    );
  }
  const document = await signatureOf(service, attested, chatId);
  const signature = parseAnswerSignature(document);
  const claimed = encodeHex(signature.address);
  await verifyAnswerSignature({
    signature,
    attestedAddress: attested.addresses.find((address) => address === claimed) ?? attested.addresses[0] ?? '',
    request: sent,
    response: received,
  });
  return { chatId, signature, document };
}

/** The `id` in an answer of the chat protocol, whole or streamed; `null` when it has none that fits in a URL. */
export function chatIdOf(received: Uint8Array): string | null {
  const text = new TextDecoder().decode(received);
  const first = /^data: ?(\{.*)$/m.exec(text)?.[1] ?? text;
  try {
    const { id } = JSON.parse(first) as { readonly id?: unknown };
    return typeof id === 'string' && /^[\w.:-]{1,128}$/.test(id) ? id : null;
  } catch {
    return null;
  }
}

async function signatureOf(
  service: AttestedService,
  { model, algorithm }: ProxyAttestation,
  chatId: string,
): Promise<Uint8Array> {
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
