/**
 * Sorts companion files into endorsements by what is inside them, never by their names, in any order: certificates and CRLs (PEM,
 * DER, hex, base64), Intel collateral in the field names of every known tool, PCS responses, RIMs, OCSP responses, key sets, dstack
 * files. What nothing here knows is kept as JSON or bytes for the verifier that does.
 *
 * Not checked here: anything about trust. Every verifier authenticates what it takes out.
 */

import { decodeUtf8 } from '@assay/encoding/bytes';
import { EncodingError } from '@assay/encoding/errors';
import { AttestationError } from '../errors.ts';
import type { Endorsement, Endorsements } from '../model/endorsements.ts';
import { textLayers } from './armour.ts';
import { httpAnswer } from './carriers/document-text.ts';
import { kubernetesMembers } from './carriers/kubernetes.ts';
import { unpackCollateral } from './collateral-pack.ts';
import { classifyDer } from './endorsement-der.ts';
import { classifyJson } from './endorsement-json.ts';
import { binaryOfText, pemBlocks, plainText } from './endorsement-text.ts';
import { parseCertificateTable } from './snp/certificate-table.ts';

export interface EndorsementFile {
  /** For people and for verifiers that match companions by name; `null` when it has none. */
  readonly name: string | null;
  readonly bytes: Uint8Array;
}

/** More than any genuine companion set; the rest is left out, so that work stays bounded. */
const MAX_FILE_BYTES = 32 * 1024 * 1024;
export const MAX_ENDORSEMENT_FILES = 1024;
/** The host's table of certificates takes a few pages, bytes. */
const MAX_TABLE = 1 << 17;

/**
 * @param files in any order; a file can hold several pieces (a PEM chain, a collateral document).
 * @returns the pieces, exact bytes where signatures cover them. Certificates without an issuer chain of their own in PCS responses
 * are offered to every response that lacks one.
 * @example
 * const endorsements = collectEndorsements(['tcb.json', 'chain.pem'].map((name) => ({ name, bytes: readFileSync(name) })));
 */
export function collectEndorsements(files: readonly EndorsementFile[]): Endorsements {
  return joinEndorsements(files.slice(0, MAX_ENDORSEMENT_FILES).map(piecesOf));
}

/**
 * The pieces of one file, for {@link joinEndorsements}: a caller that joins the same files in several ways reads each of them once.
 * A file of more than 32 MiB has none.
 * @example const pieces = piecesOf({ name: 'chain.pem', bytes })
 */
export function piecesOf({ name, bytes }: EndorsementFile): Endorsements {
  return bytes.length > MAX_FILE_BYTES ? [] : classify(name, bytes);
}

/**
 * Joins the pieces of several files into endorsements, as {@link collectEndorsements} does with the files.
 * @example
 * const endorsements = joinEndorsements(files.map(piecesOf));
 */
export function joinEndorsements(pieces: Iterable<Endorsements>): Endorsements {
  const found = [...pieces].flat();
  const certificates = found.flatMap((item) => (item.kind === 'certificate' ? [item.der] : []));
  return found.map((item) =>
    (item.kind === 'tcb-info' || item.kind === 'enclave-identity') && item.issuerChain.length === 0
      ? { ...item, issuerChain: certificates }
      : item,
  );
}

function classify(name: string | null, bytes: Uint8Array, nested = false): readonly Endorsement[] {
  const found = classifyPlain(name, bytes, nested);
  if (nested || found.some(({ kind }) => kind !== 'bytes')) return found;
  // Dumps, fences, literals, UTF-16 and their like: what comes out under one of them is classified as if it had come alone.
  const layers = layersOf(bytes).flatMap((piece) => classify(name, piece, true));
  const known = layers.filter(({ kind }) => kind !== 'bytes' && kind !== 'json');
  return known.length > 0 ? known : found;
}

/** A message that lacks a part is no companion. */
function layersOf(bytes: Uint8Array): readonly Uint8Array[] {
  try {
    return textLayers(bytes).slice(1);
  } catch (error) {
    if (AttestationError.is(error)) return [];
    throw error;
  }
}

function classifyPlain(name: string | null, bytes: Uint8Array, nested: boolean): readonly Endorsement[] {
  const der = classifyDer(bytes) ?? certificateTable(bytes);
  if (der !== null) return der;
  const answer = nested ? null : httpAnswer(bytes);
  if (answer !== null)
    return [...answer.heads, answer.body].flatMap((part) => (part.length === 0 ? [] : classify(name, part, true)));
  const asItIs: readonly Endorsement[] = [{ kind: 'bytes', name, bytes }];
  const text = textOf(bytes);
  if (text === null) return asItIs;
  const trimmed = text.trim();
  const packed = nested ? null : unpackCollateral(trimmed);
  if (packed !== null) return packed.flatMap((file) => classify(file.name, file.bytes, true));
  if (trimmed.startsWith('{') || trimmed.startsWith('[')) {
    const json = kubernetesMembers(text).length > 0 ? null : classifyJson(name, text, bytes);
    if (json !== null) return json;
  }
  if (/^<[?!a-z]/i.test(trimmed)) return trimmed.includes('SoftwareIdentity') ? [{ kind: 'rim', xml: bytes }] : asItIs;
  const blocks = pemBlocks(plainText(trimmed));
  if (blocks !== null) return blocks.flatMap((block) => classifyDer(block) ?? [{ kind: 'bytes', name, bytes: block }]);
  const binary = binaryOfText(trimmed);
  if (binary === null || binary.length >= bytes.length) return asItIs;
  const inner = classify(name, binary, true);
  // A text that decodes to nothing known is more likely text than an encoding: keep it as it came.
  return inner.every(({ kind }) => kind === 'bytes') ? asItIs : inner;
}

/** The certificates that a host hands out beside an SNP report (configfs `auxblob`), `null` when `bytes` are no such table. */
function certificateTable(bytes: Uint8Array): readonly Endorsement[] | null {
  if (bytes.length < 48 || bytes.length > MAX_TABLE) return null;
  try {
    const certificates = parseCertificateTable(bytes);
    return certificates.length === 0 ? null : certificates.map((der) => ({ kind: 'certificate', der }));
  } catch (error) {
    if (AttestationError.is(error) || EncodingError.is(error)) return null;
    throw error;
  }
}

function textOf(bytes: Uint8Array): string | null {
  try {
    const text = decodeUtf8(bytes);
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}
