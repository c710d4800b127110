/**
 * Evidence in X.509 certificates (RA-TLS, attested TLS): extensions of Gramine and Intel (raw quote), TCG DICE (CBOR: quote and claims), Open
 * Enclave and EGo, dstack, Edgeless Constellation (JSON), by the identifiers their makers publish.
 * The certificate itself proves nothing: it is self-signed as a rule. What it is good for, its key, counts only when the evidence's report
 * data commits to it; certificate-key-check.ts says whether.
 * Sources: Gramine `ra_tls.h`; CCC "Interoperable RA-TLS" 1.0; Open Enclave `attestation` plugins; dstack `ra-tls/oids.rs`; Constellation
 * `variant.go`.
 */

import { CborTag, type CborValue, decodeCbor } from '@assay/encoding/cbor';
import { DER_TAG, derOctetString, readDer } from '@assay/encoding/der';
import { EncodingError } from '@assay/encoding/errors';
import { decodePem } from '@assay/encoding/pem';
import { type Certificate, parseCertificate } from '../../certificates/x509.ts';
import { AttestationError } from '../../errors.ts';

/** What an extension holds, by its identifier. */
const EXTENSIONS: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113741.1337.6', 'gramine'],
  ['1.2.840.113741.1.13.1', 'intel'],
  ['1.2.840.113741.1.5.5.1.6', 'interoperable'],
  ['2.23.133.5.4.9', 'tcg dice'],
  ['1.2.840.113556.10.1.1', 'open enclave'],
  ['1.2.840.113556.10.1.2', 'open enclave'],
  ['1.3.6.1.4.1.62397.1.1', 'dstack'],
  ['1.3.6.1.4.1.62397.1.8', 'dstack'],
]);
/** Constellation has one identifier for each kind of machine below these. */
const CONSTELLATION = /^1\.3\.9900\.[2-5]\.\d{1,3}$/;
/** dstack's event log stands in an extension of its own. */
const DSTACK_LOG = '1.3.6.1.4.1.62397.1.2';
const MAX_FILE = 1 << 20; // bytes
export interface CertificateEvidence {
  /** Files, in the order of the extensions. */
  readonly inner: readonly Uint8Array[];
  /** DER SubjectPublicKeyInfo of the certificate. */
  readonly spki: Uint8Array;
  /** Claims that TCG DICE evidence hashes into its report data; `null` for others. */
  readonly claims: Uint8Array | null;
  /** Event log of dstack, JSON; `null` for others. */
  readonly eventLog: string | null;
}

/**
 * Evidence in the first certificate of `file` (DER or PEM), `null` when it has none of these extensions.
 * @example certificateEvidence(file)?.inner.map((evidence) => recogniseEvidence(evidence))
 */
export function certificateEvidence(file: Uint8Array): CertificateEvidence | null {
  const certificate = file.length > MAX_FILE ? null : firstCertificate(file);
  if (certificate === null) return null;
  const found = [...certificate.extensions].flatMap(([oid, { value }]) =>
    EXTENSIONS.has(oid) || CONSTELLATION.test(oid) ? [unwrapped(value)] : [],
  );
  if (found.length === 0) return null;
  const log = certificate.extensions.get(DSTACK_LOG);
  return {
    inner: found.flatMap(({ quote }) => [quote]),
    spki: certificate.spki,
    claims: found.find(({ claims }) => claims !== null)?.claims ?? null,
    eventLog: log === undefined ? null : textOf(withoutOctetString(log.value)),
  };
}

function firstCertificate(file: Uint8Array): Certificate | null {
  const isPem = file[0] === 0x2d;
  if (!isPem && file[0] !== DER_TAG.sequence) return null;
  try {
    const der = isPem ? decodePem(new TextDecoder().decode(file)).find(({ label }) => label === 'CERTIFICATE')?.der : file;
    return der === undefined ? null : parseCertificate(der);
  } catch (error) {
    if (EncodingError.is(error) || AttestationError.is(error)) return null;
    throw error;
  }
}

interface Unwrapped {
  readonly quote: Uint8Array;
  readonly claims: Uint8Array | null;
}

/** TCG DICE: a tagged list of quote and claims; Open Enclave and dstack: an OCTET STRING around it; others: as it is. */
function unwrapped(value: Uint8Array): Unwrapped {
  const inner = withoutOctetString(value);
  const list = cborOf(inner);
  const parts = list instanceof CborTag && Array.isArray(list.value) ? list.value : [];
  const [quote, claims = null] = parts;
  if (!(quote instanceof Uint8Array)) return { quote: inner, claims: null };
  return { quote, claims: claims instanceof Uint8Array ? claims : null };
}

function withoutOctetString(value: Uint8Array): Uint8Array {
  if (value[0] !== DER_TAG.octetString) return value;
  try {
    return derOctetString(readDer(value));
  } catch (error) {
    if (!EncodingError.is(error)) throw error;
    return value;
  }
}

/** The item; `null` for bytes that are no CBOR. @throws nothing that the bytes cause. */
export function cborOf(bytes: Uint8Array): CborValue {
  try {
    return decodeCbor(bytes, { allowIndefinite: true, allowLongForms: true });
  } catch (error) {
    if (!EncodingError.is(error)) throw error;
    return null;
  }
}

function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
