/**
 * Public areas of TPM keys as tpm2-tools write them (`tpm2_createak -u`, `tpm2_readpublic -o`): TPM2B_PUBLIC or TPMT_PUBLIC → DER
 * SubjectPublicKeyInfo. Source: TCG TPM 2.0 Library part 2, §12.2.4 and §12.2.5.
 * Not checked here: whose key it is.
 */

import { concatBytes } from '@assay/encoding/bytes';
import { DER_TAG } from '@assay/encoding/der';
import { encodeDer, encodeDerOid, encodeDerUnsigned } from '@assay/encoding/der-writer';
import { EncodingError } from '@assay/encoding/errors';
import { ByteReader } from '@assay/encoding/reader';

const [RSA, ECC, NULL] = [0x0001, 0x0023, 0x0010];
const HASHES = [0x000b, 0x000c, 0x000d];
const DEFAULT_EXPONENT = 65_537;
const MAX_AREA = 1024; // bytes
/** TPM_ECC_NIST_P256 and its siblings: the curve's identifier and the bytes of a coordinate. */
const CURVES: ReadonlyMap<number, readonly [oid: string, width: number]> = new Map([
  [3, ['1.2.840.10045.3.1.7', 32]],
  [4, ['1.3.132.0.34', 48]],
  [5, ['1.3.132.0.35', 66]],
]);

/**
 * The key in a public area as SubjectPublicKeyInfo, DER; `null` when `bytes` are something else.
 * @throws errors that are none of decoding.
 */
export function spkiOfPublicArea(bytes: Uint8Array): Uint8Array | null {
  if (bytes.length < 16 || bytes.length > MAX_AREA) return null;
  const sized = ((bytes[0] as number) << 8) | (bytes[1] as number);
  const area = sized === bytes.length - 2 ? bytes.subarray(2) : bytes;
  try {
    return readArea(new ByteReader(area, 'TPMT_PUBLIC'));
  } catch (error) {
    if (!EncodingError.is(error)) throw error;
    return null;
  }
}

function readArea(reader: ByteReader): Uint8Array | null {
  const type = reader.u16be();
  if ((type !== RSA && type !== ECC) || !HASHES.includes(reader.u16be())) return null;
  reader.u32be(); // attributes
  reader.bytes(reader.u16be()); // policy
  if (reader.u16be() !== NULL) reader.bytes(4); // symmetric: key bits and mode
  if (reader.u16be() !== NULL) reader.bytes(2); // scheme: hash
  const spki = type === RSA ? rsaKey(reader) : eccKey(reader);
  reader.end();
  return spki;
}

function rsaKey(reader: ByteReader): Uint8Array {
  reader.u16be(); // key bits
  const exponent = reader.u32be() || DEFAULT_EXPONENT;
  const modulus = reader.bytes(reader.u16be());
  const key = encodeDer(
    DER_TAG.sequence,
    encodeDerUnsigned(modulus),
    encodeDerUnsigned(Uint8Array.of(exponent >>> 24, (exponent >> 16) & 0xff, (exponent >> 8) & 0xff, exponent & 0xff)),
  );
  return spkiOf(encodeDer(DER_TAG.sequence, encodeDerOid('1.2.840.113549.1.1.1'), encodeDer(DER_TAG.null)), key);
}

function eccKey(reader: ByteReader): Uint8Array | null {
  const curve = CURVES.get(reader.u16be());
  if (reader.u16be() !== NULL) reader.bytes(2); // key derivation: hash
  const [x, y] = [reader.bytes(reader.u16be()), reader.bytes(reader.u16be())];
  if (curve === undefined || x.length > curve[1] || y.length > curve[1]) return null;
  const point = concatBytes(Uint8Array.of(4), padded(x, curve[1]), padded(y, curve[1]));
  return spkiOf(encodeDer(DER_TAG.sequence, encodeDerOid('1.2.840.10045.2.1'), encodeDerOid(curve[0])), point);
}

function spkiOf(algorithm: Uint8Array, key: Uint8Array): Uint8Array {
  return encodeDer(DER_TAG.sequence, algorithm, encodeDer(DER_TAG.bitString, Uint8Array.of(0), key));
}

function padded(coordinate: Uint8Array, width: number): Uint8Array {
  return concatBytes(new Uint8Array(width - coordinate.length), coordinate);
}
