/**
 * Intel collateral as it lies in JSON files → Endorsements. Read:
 *  - dcap-qvl's collateral object in snake or camel case, flat or under `collateral`, `quote_collateral`, `quoteCollateral`;
 *    its TCB info and QE identity are strings (exact signed bytes), objects, or whole PCS answers;
 *  - PCS v3 and v4 answers: `{"tcbInfo":{…},"signature":"…"}` and `{"enclaveIdentity":{…},"signature":"…"}`.
 * CRLs and chains are PEM (also percent-encoded, as PCS puts it in headers), hex, base64 or byte lists.
 * Not checked here: any signature; every piece is authenticated by verifier/dcap/collateral.ts.
 */

import { decodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { EncodingError } from '@assay/encoding/errors';
import { decodeHex } from '@assay/encoding/hex';
import { decodePem } from '@assay/encoding/pem';
import { AttestationError } from '../../errors.ts';
import type { Endorsement } from '../../model/endorsements.ts';
import { compactJson, memberTexts } from './json-span.ts';

/** A document that Intel signs: the member that holds it, in snake and camel case, and the member inside a PCS answer. */
interface SignedDocument {
  readonly kind: 'tcb-info' | 'enclave-identity';
  readonly names: readonly string[];
  readonly signatureNames: readonly string[];
  readonly chainNames: readonly string[];
  readonly inner: string;
}

const TCB_INFO: SignedDocument = {
  kind: 'tcb-info',
  names: ['tcb_info', 'tcbInfo'],
  signatureNames: ['tcb_info_signature', 'tcbInfoSignature'],
  chainNames: ['tcb_info_issuer_chain', 'tcbInfoIssuerChain'],
  inner: 'tcbInfo',
};
const QE_IDENTITY: SignedDocument = {
  kind: 'enclave-identity',
  names: ['qe_identity', 'qeIdentity', 'enclave_identity', 'enclaveIdentity'],
  signatureNames: ['qe_identity_signature', 'qeIdentitySignature', 'enclaveIdentitySignature'],
  chainNames: ['qe_identity_issuer_chain', 'qeIdentityIssuerChain', 'enclaveIdentityIssuerChain'],
  inner: 'enclaveIdentity',
};
const CRL_NAMES = ['root_ca_crl', 'rootCaCrl', 'rootCACrl', 'pck_crl', 'pckCrl'];
const CHAIN_NAMES = ['pck_crl_issuer_chain', 'pckCrlIssuerChain', 'pck_certificate_chain', 'pckCertificateChain'];
const WRAPPERS = ['collateral', 'quote_collateral', 'quoteCollateral', 'tdx_collateral', 'sgx_collateral'];

/**
 * The endorsements in one JSON file; an empty list when the JSON is something else.
 * @param text the whole file.
 * @throws {AttestationError} `dcap/collateral-malformed` when the file is collateral and a member of it cannot be read.
 * @example
 * const endorsements = parseCollateralJson(await readFile('collateral.json', 'utf8'));
 */
export function parseCollateralJson(text: string): Endorsement[] {
  if (!isObject(parseJson(text))) return [];
  try {
    const members = memberTexts(text);
    const wrapped = first(members, WRAPPERS);
    return readCollateral(wrapped?.startsWith('{') ? memberTexts(wrapped) : members);
  } catch (error) {
    if (!EncodingError.is(error)) throw error;
    throw malformed(error.message, error);
  }
}

function readCollateral(members: ReadonlyMap<string, string>): Endorsement[] {
  const endorsements: Endorsement[] = [];
  for (const document of [TCB_INFO, QE_IDENTITY]) {
    const endorsement = readDocument(members, document);
    if (endorsement !== null) endorsements.push(endorsement);
  }
  for (const name of CRL_NAMES) {
    const value = members.get(name);
    if (value !== undefined && value !== 'null') endorsements.push({ kind: 'crl', der: readCrl(JSON.parse(value), name) });
  }
  for (const name of CHAIN_NAMES) {
    const value = members.get(name);
    if (value !== undefined && value !== 'null') {
      endorsements.push(...readChain(JSON.parse(value), name).map((der) => ({ kind: 'certificate', der }) as const));
    }
  }
  return endorsements;
}

function readDocument(members: ReadonlyMap<string, string>, document: SignedDocument): Endorsement | null {
  const value = first(members, document.names);
  if (value === undefined || value === 'null') return null;
  const parsed: unknown = JSON.parse(value);
  const text = typeof parsed === 'string' ? parsed : value;
  if (!isObject(typeof parsed === 'string' ? parseJson(parsed) : parsed)) {
    throw malformed(`expected ${document.inner} as a JSON object, got something else`);
  }
  const answer = memberTexts(text);
  const inner = answer.get(document.inner);
  const signature = first(members, document.signatureNames) ?? answer.get('signature') ?? members.get('signature');
  // An object stands in a file that may have been indented; a string is exactly what was signed.
  const body = inner === undefined ? (typeof parsed === 'string' ? text : compactJson(value)) : compactJson(inner);
  const looksSigned = inner !== undefined || memberTexts(body).has('tcbLevels');
  if (!looksSigned) return null;
  const chain = first(members, document.chainNames);
  return {
    kind: document.kind,
    body: utf8(body),
    signature: readSignature(signature === undefined ? undefined : JSON.parse(signature), document.inner),
    issuerChain: chain === undefined || chain === 'null' ? [] : readChain(JSON.parse(chain), `chain of ${document.inner}`),
  };
}

function readSignature(value: unknown, name: string): Uint8Array {
  const signature = bytesOf(value) ?? (typeof value === 'string' ? decodeHex(value) : undefined);
  if (signature?.length !== 64)
    throw malformed(`expected a signature of ${name} of 64 bytes in hexadecimal, got something else`);
  return signature;
}

/** DER of a CRL from PEM, hex, base64 or a byte list. Whether it is a CRL at all is for the verifier to say. */
function readCrl(value: unknown, name: string): Uint8Array {
  const bytes = bytesOf(value);
  if (bytes !== undefined) return bytes;
  if (typeof value !== 'string') throw malformed(`expected ${name} as text, got something else`);
  const text = value.trim();
  if (text.includes('-----BEGIN')) return decodePem(text)[0]?.der ?? new Uint8Array();
  return /^([0-9a-fA-F]{2})*$/.test(text) ? decodeHex(text) : decodeBase64(text.replace(/\s+/g, ''));
}

function readChain(value: unknown, name: string): Uint8Array[] {
  const bytes = bytesOf(value);
  const text = bytes === undefined ? value : new TextDecoder().decode(bytes);
  if (typeof text !== 'string') throw malformed(`expected ${name} as PEM text, got something else`);
  return decodePem(text.includes('-----BEGIN%20') ? decodePercent(text, name) : text).map(({ der }) => der);
}

function decodePercent(text: string, name: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw malformed(`expected ${name} percent-encoded throughout, got a stray percent sign`, cause);
  }
}

/** Serialised byte lists: `[48, 130, …]`. */
function bytesOf(value: unknown): Uint8Array | undefined {
  if (!Array.isArray(value)) return undefined;
  const bytes: unknown[] = value;
  return bytes.every((byte): byte is number => typeof byte === 'number' && Number.isInteger(byte) && byte >= 0 && byte <= 255)
    ? Uint8Array.from(bytes)
    : undefined;
}

function first(members: ReadonlyMap<string, string>, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = members.get(name);
    if (value !== undefined) return value;
  }
  return undefined;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function malformed(message: string, cause?: unknown): AttestationError {
  return new AttestationError('dcap/collateral-malformed', `${message}; fetch the collateral again`, { cause });
}
