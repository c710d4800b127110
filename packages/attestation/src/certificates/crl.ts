/**
 * Certificate revocation lists (RFC 5280 §5). Complete lists only: delta lists, indirect lists and lists for some reasons are
 * refused, because "not on it" would prove nothing. A list that names a distribution point covers only certificates that name
 * the same one (§6.3.3 b). Reasons and dates of single entries are not kept: revoked is revoked.
 */

import { equalBytes } from '@assay/encoding/bytes';
import {
  DER_TAG,
  type DerElement,
  derBitString,
  derInteger,
  derSequence,
  derTime,
  derUnsigned,
  readDer,
} from '@assay/encoding/der';
import { EncodingError } from '@assay/encoding/errors';
import { decodeHex } from '@assay/encoding/hex';
import { AttestationError } from '../errors.ts';
import { type SignatureAlgorithm, signatureAlgorithm } from './algorithms.ts';
import { nameText } from './name.ts';
import { verifySignature } from './signature.ts';
import type { VerificationCache } from './verification-cache.ts';
import { type Certificate, EXTENSION, type Extension, KEY_USAGE, parseExtensions } from './x509.ts';

export interface CertificateList {
  readonly der: Uint8Array;
  readonly tbs: Uint8Array;
  /** Raw DER Name. */
  readonly issuer: Uint8Array;
  readonly issuerText: string;
  /** Epoch milliseconds. */
  readonly thisUpdate: number;
  /** Epoch milliseconds; `null` when the list never says when it ends, which {@link verifyCrl} refuses. */
  readonly nextUpdate: number | null;
  /** Whether the list names this serial number, written as in {@link Certificate.serial}. */
  readonly isRevoked: (serial: string) => boolean;
  /** Raw GeneralNames of the issuing distribution point; `null` when the list covers everything of its issuer. */
  readonly distributionPoint: readonly Uint8Array[] | null;
  /** The list covers only end-entity or only CA certificates. */
  readonly onlyFor: 'user' | 'ca' | null;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
}

/**
 * The CRL that fills `der`.
 * @throws {AttestationError} `certificate/crl-malformed`, `certificate/unknown-critical-extension`,
 * `certificate/unsupported-algorithm`.
 */
export function parseCrl(der: Uint8Array): CertificateList {
  try {
    return parse(der);
  } catch (cause) {
    const ours = AttestationError.is(cause) && cause.code !== 'certificate/malformed';
    if (ours || !(EncodingError.is(cause) || AttestationError.is(cause))) throw cause;
    throw new AttestationError(
      'certificate/crl-malformed',
      `expected a der crl, got something else: ${cause.message}; fetch the list again`,
      {
        cause,
      },
    );
  }
}

function parse(der: Uint8Array): CertificateList {
  const [tbs, outerAlgorithm, signature, ...more] = derSequence(readDer(der));
  if (!tbs || !outerAlgorithm || !signature || more.length > 0) throw malformed('three parts');
  const fields = [...derSequence(tbs)];
  const isVersion2 = fields[0]?.tag === DER_TAG.integer;
  if (isVersion2 && derInteger(fields.shift() as DerElement) !== 1n) throw malformed('version 2');
  const [innerAlgorithm, issuer, thisUpdate] = fields.splice(0, 3);
  if (!innerAlgorithm || !issuer || !thisUpdate) throw malformed('all fields of a tbsCertList');
  if (!equalBytes(innerAlgorithm.raw, outerAlgorithm.raw)) throw malformed('the same algorithm inside and outside');
  const hasNext = fields[0]?.tag === DER_TAG.utcTime || fields[0]?.tag === DER_TAG.generalizedTime;
  const nextUpdate = hasNext ? derTime(fields.shift() as DerElement) : null;
  const entries = fields[0]?.tag === DER_TAG.sequence ? fields.shift() : undefined;
  const wrapper = fields[0]?.tag === 0xa0 && isVersion2 ? fields.shift() : undefined;
  if (fields.length > 0) throw malformed('nothing after the extensions');
  const [list] = wrapper?.children() ?? [];
  const extensions: ReadonlyMap<string, Extension> = list === undefined ? new Map() : parseExtensions(list);
  refuseUnknownCritical(extensions, EXTENSION.issuingDistributionPoint);
  return {
    der,
    tbs: tbs.raw,
    issuer: issuer.raw,
    issuerText: nameText(issuer),
    thisUpdate: derTime(thisUpdate),
    nextUpdate,
    isRevoked: revokedIn(entries === undefined ? [] : derSequence(entries)),
    ...scopeOf(extensions.get(EXTENSION.issuingDistributionPoint)),
    signatureAlgorithm: signatureAlgorithm(outerAlgorithm),
    signature: derBitString(signature),
  };
}

/** Elements of one entry's extensions, at most; RFC 5280 §5.3 has three such extensions of four elements. */
const MAX_EXTENSION_ELEMENTS = 100;

/** Serials are compared as bytes: writing out thousands of them would cost more than all the rest. */
function revokedIn(entries: readonly DerElement[]): (serial: string) => boolean {
  const serials: Uint8Array[] = [];
  let checked: Uint8Array | undefined; // reasons repeat byte for byte, in lists of thousands
  for (const entry of entries) {
    const parts = derSequence(entry);
    const [serial, extensions] = [parts[0], parts[2]];
    if (serial === undefined) throw malformed('a serial in every entry');
    if (extensions !== undefined && !(checked !== undefined && equalBytes(checked, extensions.raw))) {
      // Read apart from the list, so that they neither stay in memory nor count against the list's elements.
      refuseUnknownCritical(parseExtensions(readDer(extensions.raw, { maxElements: MAX_EXTENSION_ELEMENTS })));
      checked = extensions.raw;
    }
    serials.push(derUnsigned(serial));
  }
  return (serial) => {
    const wanted = decodeHex(serial);
    return serials.some((each) => equalBytes(each, wanted));
  };
}

function refuseUnknownCritical(extensions: ReadonlyMap<string, Extension>, known?: string): void {
  for (const [oid, { critical }] of extensions) {
    if (!critical || oid === known) continue;
    throw new AttestationError(
      'certificate/unknown-critical-extension',
      `expected a complete crl, got critical extension ${oid}`,
    );
  }
}

/** IssuingDistributionPoint (§5.2.5). */
function scopeOf(extension: Extension | undefined): Pick<CertificateList, 'distributionPoint' | 'onlyFor'> {
  let distributionPoint: readonly Uint8Array[] | null = null;
  let onlyFor: 'user' | 'ca' | null = null;
  for (const field of extension === undefined ? [] : derSequence(readDer(extension.value))) {
    const isTrue = field.content.length === 1 && field.content[0] === 0xff;
    if (field.tag === 0xa0) distributionPoint = fullNames(field);
    else if (field.tag === 0x81 && isTrue && onlyFor === null) onlyFor = 'user';
    else if (field.tag === 0x82 && isTrue && onlyFor === null) onlyFor = 'ca';
    else
      throw new AttestationError(
        'certificate/unknown-critical-extension',
        'expected a complete crl, got a partial or indirect one',
      );
  }
  return { distributionPoint, onlyFor };
}

/** The fullName alternatives of a DistributionPointName. */
function fullNames(distributionPointName: DerElement): readonly Uint8Array[] {
  const [choice] = distributionPointName.children();
  if (choice?.tag !== 0xa0) return [];
  return choice.children().map(({ raw }) => raw);
}

/** True when the list speaks for `certificate`: same issuer name, same distribution point, right kind of certificate. */
export function crlCovers(crl: CertificateList, certificate: Certificate): boolean {
  if (!equalBytes(crl.issuer, certificate.issuer)) return false;
  const isCa = certificate.basicConstraints?.ca === true;
  if (crl.onlyFor !== null && (crl.onlyFor === 'ca') !== isCa) return false;
  if (crl.distributionPoint === null) return true;
  const own = certificateDistributionPoints(certificate);
  return crl.distributionPoint.some((name) => own.some((other) => equalBytes(name, other)));
}

function certificateDistributionPoints(certificate: Certificate): readonly Uint8Array[] {
  const extension = certificate.extensions.get(EXTENSION.crlDistributionPoints);
  if (extension === undefined) return [];
  try {
    return derSequence(readDer(extension.value))
      .flatMap((point) => derSequence(point).filter(({ tag }) => tag === 0xa0))
      .flatMap(fullNames);
  } catch {
    return [];
  }
}

export interface VerifyCrlInput {
  readonly crl: CertificateList;
  /** The certificate whose key must have signed the list, itself already trusted. */
  readonly issuer: Pick<Certificate, 'subject' | 'spki' | 'keyUsage'>;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly cache?: VerificationCache | undefined;
}

/**
 * Proves that the list was signed by `issuer` and is in force at `now`.
 * @throws {AttestationError} `certificate/chain-broken` (another issuer), `certificate/key-usage`,
 * `certificate/crl-signature-invalid`, `certificate/crl-not-yet-valid`, `certificate/crl-expired`.
 */
export async function verifyCrl({ crl, issuer, now, cache }: VerifyCrlInput): Promise<void> {
  const details = { issuer: crl.issuerText };
  if (!equalBytes(crl.issuer, issuer.subject)) {
    throw new AttestationError('certificate/chain-broken', 'expected a crl of this issuer, got one of another', { details });
  }
  if (issuer.keyUsage !== null && (issuer.keyUsage & KEY_USAGE.cRLSign) === 0) {
    throw new AttestationError('certificate/key-usage', 'expected key usage crl sign on the crl issuer, got none', { details });
  }
  const { signatureAlgorithm: algorithm, signature, tbs: message } = crl;
  const good = await verifySignature({
    spki: issuer.spki,
    algorithm,
    signature,
    message,
    remember: true,
    cache,
  });
  if (!good) {
    throw new AttestationError(
      'certificate/crl-signature-invalid',
      'expected a crl signed by its issuer, got a bad signature; it was changed',
      { details },
    );
  }
  if (now < crl.thisUpdate)
    throw new AttestationError(
      'certificate/crl-not-yet-valid',
      'expected a crl in force, got a later one; give an older list, or check the clock',
      { details },
    );
  if (crl.nextUpdate === null || now > crl.nextUpdate) {
    throw new AttestationError('certificate/crl-expired', 'expected a crl in force, got an expired one; fetch a current crl', {
      details,
    });
  }
}

function malformed(expected: string): AttestationError {
  return new AttestationError(
    'certificate/crl-malformed',
    `expected ${expected}, got another crl structure; fetch the list again`,
  );
}
