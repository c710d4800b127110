/**
 * OCSP responses (RFC 6960), stapled or archived: bytes → statuses, and whose word they are. A response counts when it is signed by
 * the issuer of the certificate it speaks of, or by a responder with the OCSP signing purpose whose certificate leads to the same
 * anchors, and is in force at `now`. Nonces are not compared: the verifier sent no request.
 *
 * Not checked here: revocation of the responder itself (id-pkix-ocsp-nocheck is assumed, as the field does).
 */

import { bufferSource, equalBytes } from '@assay/encoding/bytes';
import {
  DER_TAG,
  type DerElement,
  derBitString,
  derInteger,
  derOctetString,
  derOid,
  derTime,
  derUnsigned,
  readDer,
} from '@assay/encoding/der';
import { EncodingError } from '@assay/encoding/errors';
import { encodeHex } from '@assay/encoding/hex';
import { AttestationError } from '../errors.ts';
import type { TrustAnchor } from '../model/verification.ts';
import { type SignatureAlgorithm, signatureAlgorithm } from './algorithms.ts';
import { MAX_CHAIN } from './chain.ts';
import { verifyPath } from './path.ts';
import { verifySignature } from './signature.ts';
import type { VerificationCache } from './verification-cache.ts';
import { type Certificate, parseCertificate } from './x509.ts';

const BASIC_RESPONSE = '1.3.6.1.5.5.7.48.1.1';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';
/** How long an answer without nextUpdate counts, milliseconds. */
const UNDATED_LIFE = 86_400_000;
/** CRLReason certificateHold: suspended, perhaps for a while. */
const CERTIFICATE_HOLD = 6;
const HASHES: ReadonlyMap<string, 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512'> = new Map([
  ['1.3.14.3.2.26', 'SHA-1'],
  ['2.16.840.1.101.3.4.2.1', 'SHA-256'],
  ['2.16.840.1.101.3.4.2.2', 'SHA-384'],
  ['2.16.840.1.101.3.4.2.3', 'SHA-512'],
]);

/** `held`: revoked with reason certificateHold. */
export type OcspStatus = 'good' | 'revoked' | 'held' | 'unknown';

interface SingleResponse {
  readonly hash: 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512';
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  readonly serial: string;
  readonly status: OcspStatus;
  /** Epoch milliseconds. */
  readonly thisUpdate: number;
  /** `null`: newer information is always available (RFC 6960 §2.4); such an answer counts for a day. */
  readonly nextUpdate: number | null;
}

export interface OcspResponse {
  readonly tbs: Uint8Array;
  readonly algorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
  /** Certificates of the responder, its own first as a rule. */
  readonly certificates: readonly Certificate[];
  readonly responses: readonly SingleResponse[];
}

/**
 * A successful basic response.
 * @throws {AttestationError} `certificate/ocsp-malformed`, also for answers that say only that there is no answer;
 *   `certificate/unsupported-algorithm`.
 */
export function parseOcspResponse(der: Uint8Array): OcspResponse {
  try {
    return parse(der);
  } catch (cause) {
    if (!EncodingError.is(cause)) throw cause;
    throw new AttestationError(
      'certificate/ocsp-malformed',
      `expected a der ocsp response: ${cause.message}; fetch the answer again`,
      { cause },
    );
  }
}

function parse(der: Uint8Array): OcspResponse {
  const [status, wrapper] = readDer(der).children();
  if (status === undefined || derInteger(status) !== 0n) throw malformed('a successful response', 'a refusal of the responder');
  const [type, content] = wrapper?.children()[0]?.children() ?? [];
  if (type === undefined || content === undefined || derOid(type) !== BASIC_RESPONSE)
    throw malformed('a basic response', 'another');
  const [tbs, algorithm, signature, certificates] = readDer(derOctetString(content)).children();
  if (!tbs || !algorithm || !signature) throw malformed('data, algorithm and signature', 'less');
  const list = certificates === undefined ? [] : (certificates.children()[0]?.children() ?? []);
  if (list.length > MAX_CHAIN) throw malformed(`at most ${MAX_CHAIN} certificates`, String(list.length));
  return {
    tbs: tbs.raw,
    algorithm: signatureAlgorithm(algorithm),
    signature: derBitString(signature),
    certificates: list.map(({ raw }) => parseCertificate(raw)),
    responses: singleResponses(tbs),
  };
}

function singleResponses(tbs: DerElement): readonly SingleResponse[] {
  const fields = [...tbs.children()];
  if (fields[0]?.tag === 0xa0) fields.shift();
  const [, producedAt, list] = fields;
  if (producedAt?.tag !== DER_TAG.generalizedTime || list?.tag !== DER_TAG.sequence)
    throw malformed('response data', 'another structure');
  return list.children().map((single) => {
    const [id, status, thisUpdate, next] = single.children();
    const [algorithm, nameHash, keyHash, serial] = id?.children() ?? [];
    if (!status || !thisUpdate || !algorithm || !nameHash || !keyHash || !serial)
      throw malformed('a complete answer', 'a partial one');
    const hashOid = derOid(algorithm.children()[0] ?? algorithm);
    const hash = HASHES.get(hashOid);
    if (hash === undefined) throw malformed('certificate ids by sha-1 or sha-2', hashOid);
    const nextUpdate = next?.tag === 0xa0 ? next.children()[0] : undefined;
    return {
      hash,
      issuerNameHash: derOctetString(nameHash),
      issuerKeyHash: derOctetString(keyHash),
      serial: encodeHex(derUnsigned(serial)),
      status: statusOf(status),
      thisUpdate: derTime(thisUpdate),
      nextUpdate: nextUpdate === undefined ? null : derTime(nextUpdate),
    };
  });
}

function statusOf(status: DerElement): OcspStatus {
  if (status.tag === 0x80) return 'good';
  if (status.tag === 0x82) return 'unknown';
  if (status.tag !== 0xa1) throw malformed('good, revoked or unknown', `tag 0x${status.tag.toString(16)}`);
  const reason = status.children()[1]?.children()[0];
  return reason !== undefined && derInteger(reason) === BigInt(CERTIFICATE_HOLD) ? 'held' : 'revoked';
}

export interface OcspStatusInput {
  readonly response: OcspResponse;
  readonly certificate: Certificate;
  /** Its issuer, already trusted. */
  readonly issuer: Pick<Certificate, 'subject' | 'spki'>;
  /** Anchors to which a delegated responder may lead. */
  readonly anchors: readonly TrustAnchor[];
  /** Epoch milliseconds. */
  readonly now: number;
  readonly cache?: VerificationCache | undefined;
}

/**
 * What the response says of `certificate`; `null` when it speaks of others only.
 * @throws {AttestationError} `certificate/ocsp-signature-invalid`, `certificate/ocsp-responder-untrusted`,
 *   `certificate/ocsp-outdated`.
 */
export async function ocspStatus(input: OcspStatusInput): Promise<OcspStatus | null> {
  const { response, certificate, issuer, now } = input;
  for (const single of response.responses) {
    if (single.serial !== certificate.serial || !(await namesIssuer(single, issuer))) continue;
    await authenticate(input);
    const end = single.nextUpdate ?? single.thisUpdate + UNDATED_LIFE;
    const takenBack = single.status === 'revoked' && now > end; // what was revoked stays revoked
    if (!takenBack && !(now >= single.thisUpdate && now <= end)) {
      const window = { thisUpdate: single.thisUpdate, nextUpdate: single.nextUpdate, now };
      throw new AttestationError(
        'certificate/ocsp-outdated',
        'expected an ocsp answer in force, got an earlier or later one; fetch a current one or set the time of the check',
        { details: window },
      );
    }
    return single.status;
  }
  return null;
}

async function namesIssuer(single: SingleResponse, issuer: OcspStatusInput['issuer']): Promise<boolean> {
  const key = readDer(issuer.spki).children()[1];
  if (key === undefined) return false;
  const [nameHash, keyHash] = await Promise.all(
    [issuer.subject, derBitString(key)].map((bytes) => crypto.subtle.digest(single.hash, bufferSource(bytes))),
  );
  if (nameHash === undefined || keyHash === undefined) return false;
  return (
    equalBytes(new Uint8Array(nameHash), single.issuerNameHash) && equalBytes(new Uint8Array(keyHash), single.issuerKeyHash)
  );
}

/** Signed by the issuer itself, or by a responder it or its hierarchy authorises (RFC 6960 §4.2.2.2). */
async function authenticate({ response, issuer, anchors, now, cache }: OcspStatusInput): Promise<void> {
  const { algorithm, signature, tbs: message } = response;
  const signed = (spki: Uint8Array): Promise<boolean> =>
    verifySignature({ spki, algorithm, signature, message, remember: true, cache }).catch(() => false);
  if (await signed(issuer.spki)) return;
  for (const responder of response.certificates) {
    if (!(await signed(responder.spki))) continue;
    const chain = [responder, ...response.certificates.filter((each) => each !== responder)];
    const direct: TrustAnchor = { name: 'issuer', spki: issuer.spki, certificate: null, simulated: false };
    if (!isResponder(responder)) break;
    try {
      await verifyPath({
        chain: chained(chain),
        anchors: [direct, ...anchors],
        now,
        knownCriticalExtensions: [EXTENDED_KEY_USAGE],
        cache,
      });
    } catch (cause) {
      throw new AttestationError(
        'certificate/ocsp-responder-untrusted',
        'expected a responder of this hierarchy, got another',
        { cause },
      );
    }
    return;
  }
  throw new AttestationError(
    'certificate/ocsp-signature-invalid',
    'expected an ocsp answer signed by the issuer or its responder, got a bad signature; it was changed',
  );
}

/** The responder and, link by link, those of the others that issued it. */
function chained([leaf, ...others]: readonly Certificate[]): readonly Certificate[] {
  const chain = leaf === undefined ? [] : [leaf];
  for (let last = leaf; last !== undefined && chain.length <= others.length; ) {
    const subject = last.issuer;
    const next: Certificate | undefined = others.find((each) => equalBytes(each.subject, subject) && !chain.includes(each));
    if (next !== undefined) chain.push(next);
    last = next;
  }
  return chain;
}

function isResponder(certificate: Certificate): boolean {
  const usage = certificate.extensions.get(EXTENDED_KEY_USAGE);
  try {
    return (
      usage !== undefined &&
      readDer(usage.value)
        .children()
        .some((purpose) => derOid(purpose) === OCSP_SIGNING)
    );
  } catch {
    return false;
  }
}

function malformed(expected: string, got: string): AttestationError {
  return new AttestationError(
    'certificate/ocsp-malformed',
    `expected ${expected} in the ocsp response, got ${got}; fetch the answer again`,
  );
}
