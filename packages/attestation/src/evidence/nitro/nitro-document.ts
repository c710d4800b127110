/**
 * AWS Nitro attestation documents, of enclaves and of NitroTPM: bytes → fields, by AWS's syntactic rules
 * (https://github.com/aws/aws-nitro-enclaves-nsm-api/blob/main/docs/attestation_process.md §3.2.2; EC2 user guide, "Validate a NitroTPM
 * Attestation Document"). The two differ in the name of their registers alone: `pcrs` or `nitrotpm_pcrs`. Maps of the payload may have
 * indefinite length, as genuine ones do; the COSE frame may not. Refused: trailing bytes, duplicate keys, unprotected headers.
 * Not checked here: the signature and who made it (verifier/nitro), and whether anyone wants these values (appraisal).
 */

import { utf8 } from '@assay/encoding/bytes';
import { type CborValue, decodeCbor } from '@assay/encoding/cbor';
import { type CoseSign1, parseCoseSign1 } from '@assay/encoding/cose';
import { EncodingError } from '@assay/encoding/errors';
import { AttestationError } from '../../errors.ts';
import { binaryOfText } from '../endorsement-text.ts';

const MAX_DOCUMENT = 32 * 1024; // bytes; the NSM answers with at most 16 KiB
const MAX_CERTIFICATE = 1024; // bytes, §3.2.2.3
const MAX_FIELD = 1024; // bytes of public_key, user_data and nonce, as today's NSM enforces
const MAX_BUNDLE = 9; // certificates
const MAX_PCRS = 32;
/** A map of one entry that begins with the text "Attestation". */
const NSM_ANSWER = Uint8Array.of(0xa1, 0x6b, ...utf8('Attestation'));

export interface NitroDocument {
  /** The frame, for the signature. */
  readonly cose: CoseSign1;
  /** Whose registers these are: an enclave's, or those of the TPM of a whole EC2 instance. */
  readonly module: 'enclave' | 'tpm';
  /** `i-<instance>-enc<enclave>` or `i-<instance>-tpm<number>`. */
  readonly moduleId: string;
  readonly digest: 'SHA384';
  /** When the NSM made it, epoch milliseconds. */
  readonly timestamp: number;
  /** Index 0 to 31 → 32, 48 or 64 bytes. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  /** DER of the leaf. */
  readonly certificate: Uint8Array;
  /** DER, root first, the leaf's issuer last. */
  readonly cabundle: readonly Uint8Array[];
  readonly publicKey: Uint8Array | null;
  readonly userData: Uint8Array | null;
  readonly nonce: Uint8Array | null;
  /** Names of signed fields this version does not know. */
  readonly unknownFields: readonly string[];
}

const KNOWN = ['module_id', 'digest', 'timestamp', 'certificate', 'cabundle', 'public_key', 'user_data', 'nonce'];
const REGISTERS = { enclave: 'pcrs', tpm: 'nitrotpm_pcrs' } as const;

/**
 * The bytes of a document in a file: binary, base64 or hex, alone or as the NSM's whole answer `{"Attestation": {"document": …}}`
 * (CBOR). `null` when the file does not begin like one.
 */
export function nitroDocumentBytes(file: Uint8Array): Uint8Array | null {
  const direct = binaryDocument(file);
  if (direct !== null) return direct;
  if (file.length > 4 * MAX_DOCUMENT || file.some((byte) => byte > 0x7e)) return null;
  const bytes = binaryOfText(new TextDecoder().decode(file));
  return bytes === null ? null : binaryDocument(bytes);
}

function binaryDocument(bytes: Uint8Array): Uint8Array | null {
  if (looksLikeDocument(bytes)) return bytes;
  if (bytes.length > MAX_DOCUMENT || !NSM_ANSWER.every((byte, index) => bytes[index] === byte)) return null;
  try {
    const answer = decodeCbor(bytes, { maxDepth: 3, maxItems: 8 });
    const attestation = answer instanceof Map ? answer.get('Attestation') : undefined;
    const document = attestation instanceof Map ? attestation.get('document') : undefined;
    return document instanceof Uint8Array && looksLikeDocument(document) ? document : null;
  } catch (error) {
    if (!EncodingError.is(error)) throw error;
    return null;
  }
}

/** [tag 18] array of 4, then a short byte string that holds a map: how a COSE_Sign1 with a small protected header begins. */
function looksLikeDocument(bytes: Uint8Array): boolean {
  const start = bytes[0] === 0xd2 ? 1 : 0;
  const [array = 0, header = 0, map = 0] = bytes.subarray(start, start + 3);
  return array === 0x84 && header >= 0x41 && header < 0x58 && map >= 0xa0 && map <= 0xb7;
}

/**
 * The document that fills `bytes`.
 * @throws {AttestationError} `nitro/malformed`.
 * @example const { pcrs, moduleId } = parseNitroDocument(bytes);
 */
export function parseNitroDocument(bytes: Uint8Array): NitroDocument {
  if (bytes.length > MAX_DOCUMENT) throw malformed(`at most ${MAX_DOCUMENT} bytes`, `${bytes.length}`);
  try {
    const cose = parseCoseSign1(bytes);
    if (cose.unprotected.size > 0) throw malformed('an empty unprotected header', 'labels in it');
    return { cose, ...payloadOf(cose.payload) };
  } catch (cause) {
    if (!EncodingError.is(cause)) throw cause;
    throw new AttestationError('nitro/malformed', `expected a nitro attestation document, got a broken one: ${cause.message}`, {
      cause,
    });
  }
}

function payloadOf(bytes: Uint8Array): Omit<NitroDocument, 'cose'> {
  const payload = decodeCbor(bytes, { allowIndefinite: true, maxDepth: 4, maxItems: 512 });
  if (!(payload instanceof Map)) throw malformed('a map as payload', 'something else');
  const names = [...payload.keys()].map((key) => (typeof key === 'string' ? key : malformedThrow('text keys', 'another key')));
  const module = payload.has(REGISTERS.tpm) ? 'tpm' : 'enclave';
  if (module === 'tpm' && payload.has(REGISTERS.enclave)) throw malformed('registers of an enclave or of a tpm', 'both');
  const digest = payload.get('digest');
  if (typeof digest === 'string' && digest !== 'SHA384' && /^SHA\d/.test(digest)) {
    throw new AttestationError(
      'nitro/digest-unsupported',
      `expected digest SHA384, got ${digest}; a newer hypervisor needs a newer verifier`,
      { details: { digest } },
    );
  }
  if (digest !== 'SHA384') throw malformed('digest SHA384', describe(digest));
  return {
    module,
    moduleId: moduleIdOf(payload.get('module_id')),
    digest,
    timestamp: timestampOf(payload.get('timestamp')),
    pcrs: pcrsOf(payload.get(REGISTERS[module])),
    certificate: bytesOf('certificate', payload.get('certificate'), 1, MAX_CERTIFICATE),
    cabundle: bundleOf(payload.get('cabundle')),
    publicKey: optionalBytes('public_key', payload.get('public_key'), 1),
    userData: optionalBytes('user_data', payload.get('user_data'), 0),
    nonce: optionalBytes('nonce', payload.get('nonce'), 0),
    unknownFields: names.filter((name) => name !== REGISTERS[module] && !KNOWN.includes(name)),
  };
}

function moduleIdOf(value: CborValue): string {
  if (typeof value !== 'string' || value.length === 0 || value.length > 256) throw malformed('a module_id', describe(value));
  return value;
}

function timestampOf(value: CborValue): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value <= 0)
    throw malformed('a timestamp above 0', describe(value));
  return value;
}

function pcrsOf(value: CborValue): ReadonlyMap<number, Uint8Array> {
  if (!(value instanceof Map) || value.size < 1 || value.size > MAX_PCRS) throw malformed('1 to 32 pcrs', describe(value));
  const out = new Map<number, Uint8Array>();
  for (const [index, measurement] of value) {
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= MAX_PCRS) {
      throw malformed('pcr indexes from 0 to 31', describe(index));
    }
    if (!(measurement instanceof Uint8Array) || ![32, 48, 64].includes(measurement.length)) {
      throw malformed(`32, 48 or 64 bytes in pcr ${index}`, describe(measurement));
    }
    out.set(index, measurement);
  }
  return out;
}

function bundleOf(value: CborValue): readonly Uint8Array[] {
  if (!Array.isArray(value) || value.length < 1 || value.length > MAX_BUNDLE) {
    throw malformed(`a cabundle of 1 to ${MAX_BUNDLE} certificates`, describe(value));
  }
  return value.map((certificate) => bytesOf('cabundle', certificate, 1, MAX_CERTIFICATE));
}

function optionalBytes(name: string, value: CborValue, least: number): Uint8Array | null {
  return value === null || value === undefined ? null : bytesOf(name, value, least, MAX_FIELD);
}

function bytesOf(name: string, value: CborValue, least: number, most: number): Uint8Array {
  if (value instanceof Uint8Array && value.length >= least && value.length <= most) return value;
  throw malformed(`${name} of ${least} to ${most} bytes`, describe(value));
}

function describe(value: CborValue): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (value instanceof Map) return `a map of ${value.size}`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return value === undefined ? 'nothing' : typeof value;
}

function malformed(expected: string, got: string): AttestationError {
  return new AttestationError('nitro/malformed', `expected ${expected} in the nitro document, got ${got}`, {
    details: { expected, got },
  });
}

function malformedThrow(expected: string, got: string): never {
  throw malformed(expected, got);
}
