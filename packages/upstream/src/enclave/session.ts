/**
 * Sessions with Tinfoil's enclaves and others that serve `/.well-known/tinfoil-attestation?nonce=` (tinfoilsh/cvmimage, tinfoil/cmd/shim): the
 * document binds the enclave's TLS key and its HPKE key. Every prompt is sealed to the latter (EHBP), and connections show the former where the
 * platform can see it. No prompt leaves in clear, and no answer in clear is taken as one.
 *
 * Answers are not signed: that one is genuine is known to the holder of the channel, and cannot be shown to others.
 */

import type { NamedClaims } from '@assay/attestation/model/claims';
import { type AnswerShape, postSealed, X25519 } from '@assay/channel';
import { decodeHex } from '@assay/encoding/hex';
import { parseJson } from '@assay/encoding/json';
import { type AttestedService, headersOf, originOf, send, unanswered, verifyFresh } from '../attested-service.ts';
import { type BoundChannel, bindChannel } from '../channel.ts';
import { UpstreamError } from '../errors.ts';
import {
  type AcceptedEvidence,
  type AttestedSession,
  isAccepted,
  type Opening,
  type ServiceKind,
  type SessionAnswer,
  type SessionRequest,
} from '../session.ts';

const PATH = '/.well-known/tinfoil-attestation';
const LIMITS = [
  'That an answer came from the enclave, to third parties: answers there are not signed.',
  'What stands behind the enclave: the keys are those of the one that connections end in, which may be a router.',
] as const;

/** A service at `domains` that is verified as an enclave. */
export function enclave({ name, domains }: { readonly name: string; readonly domains: readonly string[] }): ServiceKind {
  return { name, domains, scope: 'service', open: (service) => openEnclave(service) };
}

async function openEnclave(service: AttestedService): Promise<Opening> {
  const origin = originOf(service);
  if (!origin.startsWith('https:'))
    throw new UpstreamError(
      'service/channel-unbound',
      `expected an https address of an enclave, whose TLS key can be pinned, got ${origin}; nothing was sent to it. Write https://`,
    );
  const evidence = await verifyFresh({ ...service, base: origin, apiKey: null }, (nonce) => `${PATH}?nonce=${nonce}`);
  if (!isAccepted(evidence)) return { outcome: 'refused', evidence };
  const { identity }: NamedClaims = evidence.result.claims;
  const { 'tls-key-fingerprint': tlsKey, 'hpke-key': hpkeKey } = identity;
  if (tlsKey === undefined || hpkeKey === undefined)
    throw new UpstreamError(
      'service/keys-missing',
      `expected a document that binds a TLS key and an HPKE key, got one that does not; nothing can be sealed to ${origin}`,
    );
  const bound = bindChannel(service, { tlsKey, sealedTo: { algorithm: 'x25519', publicKey: hpkeKey } });
  return { outcome: 'verified', session: enclaveSession(service, evidence, bound, { tlsKey, hpkeKey }) };
}

function enclaveSession(
  service: AttestedService,
  evidence: AcceptedEvidence,
  { channel, fetch }: BoundChannel,
  { tlsKey, hpkeKey }: { readonly tlsKey: string; readonly hpkeKey: string },
): AttestedSession {
  const key = { keyId: 0, kem: X25519.id, publicKey: decodeHex(hpkeKey) };
  const { claims } = evidence.result;
  return {
    verifier: 'assay enclave/1',
    model: null,
    origin: originOf(service),
    evidence,
    node: claims.submodules.cpu ?? claims,
    identity: { tls_spki_sha256: tlsKey, hpke_public_key: hpkeKey },
    vouching: 'sealed',
    signer: { algorithm: 'ehbp-x25519', address: hpkeKey },
    channel,
    limits: LIMITS,
    get: (path, signal) => send(service, { fetch, path, signal }),
    async forward({ path, body, signal, held }: SessionRequest): Promise<SessionAnswer> {
      const sealing = { url: `${service.base}${path}`, headers: headersOf(service), body, shape: shapeOf(body), held, fetch };
      const opened = await postSealed(key, signal === undefined ? sealing : { ...sealing, signal }).catch((cause: unknown) => {
        throw unanswered(service, cause);
      });
      const { response, encapsulatedKey, responseNonce } = opened;
      if (!response.ok || responseNonce === null) return { response, prove: null };
      return { response, prove: async () => ({ type: 'sealed', scheme: 'ehbp', encapsulatedKey, responseNonce }) };
    },
  };
}

/** What a whole answer to this request looks like; EHBP does not say where one ends. */
function shapeOf(body: Uint8Array): AnswerShape {
  try {
    const request = parseJson(body);
    return typeof request === 'object' && request !== null && 'stream' in request && request.stream === true
      ? 'events'
      : 'document';
  } catch (cause) {
    throw new UpstreamError('e2ee/not-sealable', 'expected a JSON request, got something else; nothing was sent', { cause });
  }
}
