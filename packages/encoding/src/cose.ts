/**
 * COSE_Sign1 (RFC 9052 §4.2): its four parts and the bytes its signature covers. No cryptography here.
 * Refused: detached payloads, and labels that stand in both headers (§3).
 */

import { CborTag, type CborValue, type DecodeCborOptions, decodeCbor, encodeCbor } from './cbor.ts';
import { EncodingError } from './errors.ts';

const COSE_SIGN1_TAG = 18;

export interface CoseSign1 {
  /** True when CBOR tag 18 stood in front. The tag is not signed. */
  readonly tagged: boolean;
  /** The protected header as the signer wrote it. */
  readonly protectedBytes: Uint8Array;
  readonly protectedHeader: ReadonlyMap<CborValue, CborValue>;
  /** Not signed: never decide anything by it. */
  readonly unprotected: ReadonlyMap<CborValue, CborValue>;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * The parts of a tagged or untagged COSE_Sign1 that fills `bytes`.
 * @throws {EncodingError} `cose/malformed` for another structure, and the codes of {@link decodeCbor}.
 * @example const { protectedHeader, payload } = parseCoseSign1(bytes)
 */
export function parseCoseSign1(bytes: Uint8Array, options: DecodeCborOptions = {}): CoseSign1 {
  const item = decodeCbor(bytes, options);
  if (item instanceof CborTag && item.tag !== COSE_SIGN1_TAG) throw malformed(`expected tag 18, got tag ${item.tag}`);
  const tagged = item instanceof CborTag;
  const parts = tagged ? item.value : item;
  if (!Array.isArray(parts) || parts.length !== 4) throw malformed('expected an array of 4 parts, got something else');
  const [protectedBytes, unprotected, payload, signature] = parts;
  if (!(protectedBytes instanceof Uint8Array)) throw malformed('expected the protected header as bytes');
  if (!(unprotected instanceof Map)) throw malformed('expected the unprotected header as a map');
  if (!(payload instanceof Uint8Array)) throw malformed('expected the payload as bytes, got a detached or wrong one');
  if (!(signature instanceof Uint8Array)) throw malformed('expected the signature as bytes');
  const protectedHeader = protectedBytes.length === 0 ? new Map<CborValue, CborValue>() : decodeCbor(protectedBytes, options);
  if (!(protectedHeader instanceof Map)) throw malformed('expected the protected header to hold a map');
  for (const label of unprotected.keys()) {
    if (protectedHeader.has(label)) throw malformed(`expected each label in one header, got ${String(label)} in both`);
  }
  return { tagged, protectedBytes, protectedHeader, unprotected, payload, signature };
}

/**
 * The `Sig_structure` bytes a COSE_Sign1 signature covers (§4.4).
 * @param externalAad bytes both sides know besides; default: empty.
 * @example const signed = sigStructure(parseCoseSign1(bytes))
 */
export function sigStructure(
  sign1: Pick<CoseSign1, 'protectedBytes' | 'payload'>,
  externalAad: Uint8Array = new Uint8Array(0),
): Uint8Array<ArrayBuffer> {
  const { protectedBytes, payload } = sign1;
  const empty = protectedBytes.length === 1 && protectedBytes[0] === 0xa0;
  return encodeCbor(['Signature1', empty ? new Uint8Array(0) : protectedBytes, externalAad, payload]);
}

export interface EncodeCoseSign1Options {
  readonly protectedBytes: Uint8Array;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  readonly unprotected?: Map<CborValue, CborValue>;
  /** Put tag 18 in front; off by default. */
  readonly tagged?: boolean;
}

/**
 * The bytes of a COSE_Sign1 with these parts.
 * @example const document = encodeCoseSign1({ protectedBytes, payload, signature, tagged: true })
 */
export function encodeCoseSign1(options: EncodeCoseSign1Options): Uint8Array<ArrayBuffer> {
  const parts: CborValue[] = [options.protectedBytes, options.unprotected ?? new Map(), options.payload, options.signature];
  return encodeCbor(options.tagged === true ? new CborTag(COSE_SIGN1_TAG, parts) : parts);
}

function malformed(message: string): EncodingError {
  return new EncodingError('cose/malformed', `${message}; a COSE_Sign1 is [protected, unprotected, payload, signature]`);
}
