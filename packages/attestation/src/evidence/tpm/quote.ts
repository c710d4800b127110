/**
 * TPM 2.0 quotes (TCG TPM 2.0 Library part 2, §10.12 TPMS_ATTEST, §11.2.4 TPMT_SIGNATURE), carried as JSON:
 * `{message, signature, pcrs, ak_cert?, hcl_report?}`, alone or as the member `tpm_quote`; message and signature in base64, hex or as
 * lists of bytes, `pcrs` as `{"sha256": {"0": hex}}` or as the list of one bank from index 0, `ak_cert` as PEM or base64, `hcl_report`
 * Azure's report whose runtime data names the attestation key. A signature of 256, 384 or 512 bytes is taken for what Azure's tools
 * write: bare RSASSA with SHA-256. Or as the files of tpm2-tools: TPMS_ATTEST alone, with everything else beside it.
 * Not checked here: signatures, the digest over the PCRs, whose key it is (verifier/tpm).
 */

import { decodeHex } from '@assay/encoding/hex';
import type { Json, JsonObject } from '@assay/encoding/json';
import { decodePem } from '@assay/encoding/pem';
import { ByteReader } from '@assay/encoding/reader';
import { AttestationError } from '../../errors.ts';
import { bytesOfJson, bytesOfText, jsonObjectIn, reading } from '../reading.ts';
import { spkiOfPublicArea } from './public-area.ts';

const MAGIC = 0xff544347; // "\xffTCG"
const QUOTE = 0x8018; // TPM_ST_ATTEST_QUOTE
const MAX_BANKS = 16;
const MAX_PCRS = 32;
/** RSA 2048, 3072 and 4096, bytes: no TPMT_SIGNATURE is as long. */
const BARE_RSA_LENGTHS = [256, 384, 512];
export type HashName = 'SHA-256' | 'SHA-384' | 'SHA-512';
const HASHES: ReadonlyMap<number, { readonly name: HashName; readonly bank: string; readonly bytes: number }> = new Map([
  [0x000b, { name: 'SHA-256', bank: 'sha256', bytes: 32 }],
  [0x000c, { name: 'SHA-384', bank: 'sha384', bytes: 48 }],
  [0x000d, { name: 'SHA-512', bank: 'sha512', bytes: 64 }],
]);

export interface PcrSelection {
  readonly bank: string;
  /** Bytes of one value. */
  readonly width: number;
  readonly indexes: readonly number[];
}

export type TpmSignature =
  | { readonly scheme: 'rsassa' | 'rsapss'; readonly hash: HashName; readonly signature: Uint8Array }
  | { readonly scheme: 'ecdsa'; readonly hash: HashName; readonly r: Uint8Array; readonly s: Uint8Array };

/** What a TPM attested, without its signature: the file `quote.msg` of tpm2-tools. */
export interface TpmMessage {
  /** TPMS_ATTEST, exactly as signed. */
  readonly message: Uint8Array;
  readonly qualifiedSigner: Uint8Array;
  /** What the caller asked to be quoted. */
  readonly extraData: Uint8Array;
  readonly clock: bigint;
  readonly resetCount: number;
  readonly restartCount: number;
  readonly clockSafe: boolean;
  readonly firmwareVersion: bigint;
  readonly selections: readonly PcrSelection[];
  readonly pcrDigest: Uint8Array;
}

export interface TpmQuote extends TpmMessage {
  readonly signature: TpmSignature;
  /** Supplied values by bank and index; nothing until the digest was compared. */
  readonly pcrs: ReadonlyMap<string, ReadonlyMap<number, Uint8Array>>;
  /** DER, leaf first; candidates only. */
  readonly certificates: readonly Uint8Array[];
  /** DER SubjectPublicKeyInfo of a bare attestation key in the file; a candidate only. */
  readonly publicKey: Uint8Array | null;
  readonly hclReport: Uint8Array | null;
}

/**
 * The quote in `file`, or `null` when it holds something else.
 * @throws {AttestationError} `tpm/malformed`, `tpm/algorithm-unsupported`.
 */
export function tpmQuoteOf(file: Uint8Array): TpmQuote | null {
  const json = jsonObjectIn(file);
  return json === null ? null : (tpmQuoteOfJson(json) ?? tpmQuoteOfJson(json.tpm_quote ?? null));
}

/**
 * The message in a file that holds nothing else: TPMS_ATTEST, or TPM2B_ATTEST, which puts a length before it; binary, hex or base64.
 * `null` when it holds something else.
 * @throws {AttestationError} `tpm/malformed`, `tpm/algorithm-unsupported`.
 */
export function tpmMessageOf(file: Uint8Array): TpmMessage | null {
  const message = bareMessage(file) ?? bareMessage(bytesOfText(file) ?? new Uint8Array(0));
  return message === null ? null : reading('tpm/malformed', 'tpm quote', () => attested(message));
}

function bareMessage(bytes: Uint8Array): Uint8Array | null {
  if (isMessage(bytes)) return bytes;
  const inner = bytes.subarray(2);
  return isMessage(inner) && (bytes[0] as number) * 256 + (bytes[1] as number) === inner.length ? inner : null;
}

function isMessage(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) === MAGIC;
}

/** The same for JSON that is parsed already. */
export function tpmQuoteOfJson(json: Json): TpmQuote | null {
  if (!isObject(json) || json.signature === undefined || json.pcrs === undefined) return null;
  const message = bytesOfJson(json.message ?? null);
  if (message === null || !isMessage(message)) return null;
  return reading('tpm/malformed', 'tpm quote', () => parse(message, json));
}

function parse(message: Uint8Array, json: JsonObject): TpmQuote {
  const { hcl_report: hcl, ak_cert: certificate, ak_pub: publicKey = json.ak_public_key } = json;
  return {
    ...attested(message),
    signature: signatureOf(jsonBytes(json.signature, 'signature')),
    pcrs: Array.isArray(json.pcrs) ? pcrListOf(json.pcrs as readonly Json[]) : pcrsOf(json.pcrs as Json),
    certificates: typeof certificate === 'string' ? certificatesOf(certificate) : [],
    publicKey: typeof publicKey === 'string' ? publicKeyOf(publicKey) : null,
    hclReport: typeof hcl === 'string' ? jsonBytes(hcl, 'hcl_report') : null,
  };
}

/** PEM, or DER or a TPM's public area in hex or base64. */
function publicKeyOf(text: string): Uint8Array {
  if (text.includes('-----BEGIN')) return decodePem(text)[0]?.der ?? new Uint8Array(0);
  const bytes = jsonBytes(text, 'ak_pub');
  return spkiOfPublicArea(bytes) ?? bytes;
}

function attested(message: Uint8Array): TpmMessage {
  const reader = new ByteReader(message, 'TPMS_ATTEST');
  if (reader.u32be() !== MAGIC) throw malformed('expected the magic of a tpm, got other bytes');
  if (reader.u16be() !== QUOTE) throw malformed('expected a quote, got another attestation');
  const qualifiedSigner = reader.bytes(reader.u16be());
  const extraData = reader.bytes(reader.u16be());
  const [clock, resetCount, restartCount] = [reader.u64be(), reader.u32be(), reader.u32be()];
  const safe = reader.u8();
  if (safe > 1) throw malformed(`expected 0 or 1 in the clock's safe flag, got ${safe}`);
  const firmwareVersion = reader.u64be();
  const count = reader.u32be();
  if (count > MAX_BANKS) throw malformed(`expected at most ${MAX_BANKS} banks, got ${count}`);
  const selections = Array.from({ length: count }, () => selectionOf(reader));
  const pcrDigest = reader.bytes(reader.u16be());
  reader.end();
  const clocks = { clock, resetCount, restartCount, clockSafe: safe === 1 };
  return { message, qualifiedSigner, extraData, ...clocks, firmwareVersion, selections, pcrDigest };
}

function selectionOf(reader: ByteReader): PcrSelection {
  const { bank, bytes: width } = hashOf(reader.u16be());
  const bits = reader.bytes(reader.u8());
  const indexes = Array.from({ length: bits.length * 8 }, (_, index) => index).filter(
    (index) => ((bits[index >> 3] ?? 0) >> (index & 7)) & 1,
  );
  return { bank, width, indexes };
}

/**
 * A TPMT_SIGNATURE, or the bare RSA signature that some tools write.
 * @param hash of a bare signature.
 * @throws {AttestationError} `tpm/algorithm-unsupported`; {@link EncodingError} for broken structures.
 */
export function signatureOf(bytes: Uint8Array, hash: HashName = 'SHA-256'): TpmSignature {
  if (BARE_RSA_LENGTHS.includes(bytes.length)) return { scheme: 'rsassa', hash, signature: bytes };
  return tssSignature(bytes);
}

function tssSignature(bytes: Uint8Array): TpmSignature {
  const reader = new ByteReader(bytes, 'TPMT_SIGNATURE');
  const algorithm = reader.u16be();
  if (![0x0014, 0x0016, 0x0018].includes(algorithm)) throw unsupported(`signature algorithm 0x${algorithm.toString(16)}`);
  const { name: hash } = hashOf(reader.u16be());
  const first = reader.bytes(reader.u16be());
  const second = algorithm === 0x0018 ? reader.bytes(reader.u16be()) : null;
  reader.end();
  if (second !== null) return { scheme: 'ecdsa', hash, r: first, s: second };
  return { scheme: algorithm === 0x0014 ? 'rsassa' : 'rsapss', hash, signature: first };
}

function hashOf(id: number) {
  const hash = HASHES.get(id);
  if (hash === undefined) throw unsupported(`hash algorithm 0x${id.toString(16)}`);
  return hash;
}

function pcrsOf(json: Json): ReadonlyMap<string, ReadonlyMap<number, Uint8Array>> {
  if (!isObject(json)) throw malformed('expected banks in "pcrs"');
  return new Map(
    Object.entries(json).map(([bank, values]) => {
      if (!isObject(values)) throw malformed(`expected values by index in bank ${bank}`);
      const entries = Object.entries(values).map(([index, value]): [number, Uint8Array] => {
        if (!/^(?:0|[1-9]\d?)$/.test(index) || typeof value !== 'string')
          throw malformed(`expected hex by index in bank ${bank}`);
        return [Number(index), decodeHex(value)];
      });
      return [bank, new Map(entries)];
    }),
  );
}

/** One bank from index 0; the length of its values says which. */
function pcrListOf(list: readonly Json[]): ReadonlyMap<string, ReadonlyMap<number, Uint8Array>> {
  if (list.length > MAX_PCRS) throw malformed(`expected at most ${MAX_PCRS} values in "pcrs", got ${list.length}`);
  const values = list.map((value, index) => jsonBytes(value, `pcrs[${index}]`));
  const bank = [...HASHES.values()].find(({ bytes }) => values.every(({ length }) => length === bytes));
  if (bank === undefined) throw malformed('expected values of one length, 32, 48 or 64 bytes, in "pcrs"');
  return new Map(values.length === 0 ? [] : [[bank.bank, new Map(values.entries())]]);
}

function certificatesOf(value: string): readonly Uint8Array[] {
  if (value.includes('-----BEGIN')) return decodePem(value).map(({ der }) => der);
  return [jsonBytes(value, 'ak_cert')];
}

function jsonBytes(value: Json | undefined, name: string): Uint8Array {
  const bytes = value === undefined ? null : bytesOfJson(value);
  if (bytes === null) throw malformed(`expected base64, hex or a list of bytes in "${name}"`);
  return bytes;
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(message: string): AttestationError {
  return new AttestationError('tpm/malformed', message);
}

function unsupported(what: string): AttestationError {
  return new AttestationError(
    'tpm/algorithm-unsupported',
    `expected rsassa, rsapss or ecdsa with sha-2, got ${what}; quote with one of these`,
  );
}
