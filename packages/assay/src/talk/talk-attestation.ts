/**
 * The attestation of a server that speaks the tutorial "Secure Communication with TEE": `GET /attestation` answers
 * `{attestation_doc: base64}`, a Nitro document whose `public_key` is the server's P-384 key. A simulator answers
 * `{attestation_doc: {nonce, public_key}, mock: true}`; Assay adds `simulated_document`, which is verified like a real one.
 *
 * Not checked: that the document answers a nonce of this client. The protocol has no place for one, so a document can be replayed
 * for as long as its certificates and the policy's age allow; only the holder of the key in it can read what is sent.
 */

import { SPKI_LENGTH } from '@assay/channel/tutorial';
import { readAtMost } from '@assay/encoding/bounded-reader';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { isJsonObject, type JsonObject, parseJson } from '@assay/encoding/json';
import { brokenOff, createWire } from '../channel/wire.ts';
import { agentOptions, type VerifyAgentOptions, withSlash } from '../connection/attestation.ts';
import { ClientError } from '../errors.ts';
import { subjectOf } from '../verification/subject.ts';
import { type EvidenceVerdict, isEvidence, reasonOf } from '../verification/verdict.ts';
import { verifySubject } from '../verification/verify.ts';

const MAX_BYTES = 1024 * 1024;

/** Options for the verification of a server that speaks the TEE tutorial's protocol. */
export interface TalkAttestationOptions extends VerifyAgentOptions {
  /** Dangerous: talks to a server that only says that it is a mock and shows no evidence, as the tutorial's client does. */
  readonly acceptUnattestedMock?: boolean | undefined;
}

/** A server whose key may be talked to. */
export interface AttestedTalkKey {
  /** DER SubjectPublicKeyInfo of a P-384 key. */
  readonly spki: Uint8Array;
  /** The decision on the document; `null` for a mock without evidence, which nothing vouches for. */
  readonly verdict: EvidenceVerdict | null;
}

/**
 * Asks a server for its document and verifies it. Nothing but the request for it leaves.
 * @throws {ClientError} `client/agent-unreachable`, `client/attestation-malformed`, `client/attestation-refused` with the verdict in
 * `details`, `client/channel-unbound`.
 */
export async function verifyTalkKey(url: URL, options: TalkAttestationOptions): Promise<AttestedTalkKey> {
  const members = await fetchMembers(url, options);
  const { attestation_doc: document, mock, simulated_document: simulated } = members;
  const shown = mock === true ? simulated : document;
  if (typeof shown === 'string') return documentKey(url, shown, options);
  if (mock === true && isJsonObject(document)) {
    if (options.acceptUnattestedMock === true) return { spki: spkiOf(document.public_key), verdict: null };
    throw new ClientError(
      'client/attestation-refused',
      `expected evidence from ${url.origin}, got its word that it is a mock; talk to a server that shows a document`,
    );
  }
  if (isJsonObject(document))
    throw new ClientError(
      'client/channel-unbound',
      `expected a Nitro document with the server's key from ${url.origin}, got evidence of another kind; use assay ask for this agent`,
    );
  throw malformed('attestation_doc in base64', 'something else');
}

async function documentKey(url: URL, base64: string, options: TalkAttestationOptions): Promise<AttestedTalkKey> {
  const subject = subjectOf(new TextEncoder().encode(base64));
  if (subject.kind !== 'evidence') throw malformed('a Nitro document in base64', `a ${subject.kind}`);
  const verdict = await verifySubject(subject, agentOptions(options));
  if (!isEvidence(verdict)) throw malformed('a Nitro document in base64', 'another file');
  if (verdict.outcome !== 'accepted')
    throw new ClientError(
      'client/attestation-refused',
      `${url.origin} is ${verdict.outcome}, and nothing was sent to it: ${reasonOf(verdict)}`,
      { details: { verdict } },
    );
  const { publicKey } = verdict.claims.bindings;
  if (publicKey === null)
    throw new ClientError(
      'client/channel-unbound',
      `expected a document with the server's public key, got ${verdict.type ?? 'evidence'} without one; use assay ask for this agent`,
    );
  return { spki: spkiOf(publicKey), verdict };
}

async function fetchMembers(url: URL, { fetch, signal }: TalkAttestationOptions): Promise<JsonObject> {
  const answer = await createWire(fetch)({ url: new URL('attestation', withSlash(url)), signal });
  if (!answer.ok) {
    await answer.body?.cancel();
    throw new ClientError(
      'client/agent-unreachable',
      `expected a document from ${url.origin}/attestation, got status ${answer.status}; is this a server of the tutorial?`,
      { details: { origin: url.origin, status: answer.status } },
    );
  }
  const tooLong = (most: number): ClientError => malformed(`a document of at most ${most} bytes`, 'more');
  let bytes: Uint8Array;
  try {
    bytes = await readAtMost(answer.body, { most: MAX_BYTES, what: url.origin, refuse: tooLong });
  } catch (cause) {
    throw brokenOff(cause, url, signal);
  }
  try {
    const json = parseJson(bytes);
    if (isJsonObject(json)) return json;
  } catch (cause) {
    throw malformed('JSON', 'something else', cause);
  }
  throw malformed('an object', 'another value');
}

function spkiOf(hex: unknown): Uint8Array {
  try {
    const spki = decodeHex(String(hex));
    if (spki.length === SPKI_LENGTH) return spki;
    throw malformed(`a P-384 key of ${SPKI_LENGTH} bytes`, `${spki.length} bytes`);
  } catch (cause) {
    throw ClientError.is(cause) ? cause : malformed('a P-384 key in hex', 'something else', cause);
  }
}

function malformed(expected: string, got: string, cause?: unknown): ClientError {
  return new ClientError(
    'client/attestation-malformed',
    `expected ${expected} at /attestation, got ${got}; is this a server of the tutorial?`,
    { cause },
  );
}

/** The key for people: the first 8 bytes of its point. */
export function shortKey(spki: Uint8Array): string {
  return encodeHex(spki.subarray(24, 32));
}
