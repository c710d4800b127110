/**
 * SGX's enclave signature structure (Intel SDM volume 3D §38.13, SIGSTRUCT, 1808 bytes): what an enclave built and signed by its maker
 * will show. Numbers are little-endian. Proves: the key inside signed MRENCLAVE, product and version. Not checked: whose key it is
 * (a policy pins MRSIGNER), and that an enclave with this MRENCLAVE exists.
 */

import { encodeBase64Url } from '@assay/encoding/base64';
import { bufferSource, joinBytes } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { ByteReader } from '@assay/encoding/reader';
import { sha256Hex } from '../digests.ts';
import { ReferenceValuesError, reading } from '../errors.ts';
import type { Measured } from '../measured.ts';

const BYTES = 1808;
const HEADERS = ['06000000e10000000000010000000000', '01010000600000006000000001000000'] as const;
const DEBUG = 0x2n;

/**
 * @param file the 1808 bytes, as `gramine-sgx-sign` and `sgx_sign` write them.
 * @throws {ReferenceValuesError} `sigstruct/malformed`, `sigstruct/signature-invalid`.
 * @example const { values, facts } = await measureSigstruct(await readFile('app.sig')); // values.mrenclave, values.mrsigner
 */
export async function measureSigstruct(file: Uint8Array): Promise<Measured> {
  if (file.length !== BYTES) throw malformed(`${BYTES} bytes, got ${file.length}`);
  const { modulus, exponent, signature, attributes, date, ...fields } = reading('sigstruct/malformed', 'SIGSTRUCT', () =>
    parse(file),
  );
  if (exponent !== 3) throw malformed(`the exponent 3, got ${exponent}`);
  await verifySignature(file, modulus, signature);
  return {
    type: 'sgx',
    values: { mrenclave: fields.mrenclave, mrsigner: sha256Hex(modulus) },
    inputs: { sigstruct: sha256Hex(file) },
    facts: {
      product: String(fields.product),
      'security version': String(fields.version),
      'signed on': `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6, 8)}`,
      debug: (attributes & DEBUG) === 0n ? 'not allowed' : 'allowed, such an enclave keeps no secret',
    },
    notComputed: [],
  };
}

interface Fields {
  readonly date: string;
  /** 384 bytes, little-endian. */
  readonly modulus: Uint8Array;
  readonly exponent: number;
  readonly signature: Uint8Array;
  readonly attributes: bigint;
  readonly mrenclave: string;
  readonly product: number;
  readonly version: number;
}

function parse(file: Uint8Array): Fields {
  const reader = new ByteReader(file, 'SIGSTRUCT');
  const first = encodeHex(reader.bytes(16));
  reader.skip(4); // vendor
  const date = reader.u32le().toString(16).padStart(8, '0');
  const second = encodeHex(reader.bytes(16));
  if (first !== HEADERS[0] || second !== HEADERS[1]) throw malformed('its two fixed headers, got other bytes');
  reader.skip(4 + 84); // SWDEFINED, reserved
  const modulus = reader.bytes(384);
  const exponent = reader.u32le();
  const signature = reader.bytes(384);
  reader.skip(4 + 4 + 4); // MISCSELECT, MISCMASK, CET, reserved
  reader.skip(16); // ISVFAMILYID
  const attributes = reader.u64le();
  reader.skip(8 + 16); // XFRM, ATTRIBUTEMASK
  const mrenclave = encodeHex(reader.bytes(32));
  reader.skip(16 + 16); // reserved, ISVEXTPRODID
  const product = reader.u16le();
  const version = reader.u16le();
  return { date, modulus, exponent, signature, attributes, mrenclave, product, version };
}

/** RSA-3072 with PKCS #1 v1.5 and SHA-256 over the first 128 and the 128 bytes from 900 on. */
async function verifySignature(file: Uint8Array, modulus: Uint8Array, signature: Uint8Array): Promise<void> {
  const key = await crypto.subtle
    .importKey(
      'jwk',
      { kty: 'RSA', n: encodeBase64Url(modulus.toReversed()), e: 'Aw' },
      { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
      false,
      ['verify'],
    )
    .catch(() => null);
  const good =
    key !== null &&
    (await crypto.subtle.verify(
      'RSASSA-PKCS1-v1_5',
      key,
      bufferSource(signature.toReversed()),
      bufferSource(joinBytes([file.subarray(0, 128), file.subarray(900, 1028)])),
    ));
  if (good) return;
  throw new ReferenceValuesError(
    'sigstruct/signature-invalid',
    'expected a signature by the key inside, got another; the structure was changed after it was signed',
  );
}

function malformed(expected: string): ReferenceValuesError {
  return new ReferenceValuesError(
    'sigstruct/malformed',
    `expected a SIGSTRUCT with ${expected}; give the .sig file that the signing tool wrote`,
  );
}
