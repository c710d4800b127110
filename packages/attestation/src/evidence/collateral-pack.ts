/**
 * Collateral packs: many companion files in one, so that evidence and everything it needs travel as two files.
 * `{"format":"assay-collateral/1","files":[{"name":"…","bytes":"<base64>"}]}`; a pack holds no packs. Nothing in it is trusted.
 */

import { decodeBase64, encodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { EncodingError } from '@assay/encoding/errors';
import { encodeHex } from '@assay/encoding/hex';
import { type Json, parseJson } from '@assay/encoding/json';
import { encodePem } from '@assay/encoding/pem';
import type { Endorsement, Endorsements } from '../model/endorsements.ts';

const FORMAT = 'assay-collateral/1';
const MAX_FILES = 1024;

export interface PackedFile {
  readonly name: string | null;
  readonly bytes: Uint8Array;
}

/**
 * The pack of these files, as UTF-8 JSON. {@link collectEndorsements} opens it like any other companion.
 * @example await writeFile('collateral.json', packCollateral(endorsementFiles(endorsements)));
 */
export function packCollateral(files: readonly PackedFile[]): Uint8Array {
  return utf8(
    `${JSON.stringify({ format: FORMAT, files: files.map(({ name, bytes }) => ({ name, bytes: encodeBase64(bytes) })) })}\n`,
  );
}

/**
 * The files of a pack, `null` when the text is none. A file that is broken is left out.
 * @throws errors that are none of decoding.
 */
export function unpackCollateral(text: string): readonly PackedFile[] | null {
  if (!text.includes(FORMAT)) return null;
  try {
    const pack = parseJson(text);
    if (!isObject(pack) || pack.format !== FORMAT || !Array.isArray(pack.files)) return null;
    return (pack.files as readonly Json[]).slice(0, MAX_FILES).flatMap((file) => {
      if (!isObject(file) || typeof file.bytes !== 'string') return [];
      const { name } = file;
      return [{ name: typeof name === 'string' ? name : null, bytes: decodeBase64(file.bytes) }];
    });
  } catch (error) {
    if (EncodingError.is(error)) return null;
    throw error;
  }
}

/**
 * Endorsements as files that are recognised again as the same endorsements.
 * @example for (const { name, bytes } of endorsementFiles(endorsements)) await writeFile(name ?? 'unnamed', bytes)
 */
export function endorsementFiles(endorsements: Endorsements): readonly PackedFile[] {
  return endorsements.map((item, index) => ({
    name: `${String(index + 1).padStart(2, '0')}-${item.kind}`,
    bytes: fileOf(item),
  }));
}

function fileOf(item: Endorsement): Uint8Array {
  switch (item.kind) {
    case 'certificate':
    case 'crl':
    case 'ocsp':
      return item.der;
    case 'tcb-info':
      return signedDocument('tcb_info', item);
    case 'enclave-identity':
      return signedDocument('qe_identity', item);
    case 'rim':
      return item.xml;
    case 'jwks':
    case 'event-log':
    case 'json':
      return utf8(item.json);
    case 'app-compose':
    case 'bytes':
      return item.bytes;
  }
}

interface SignedDocument {
  readonly body: Uint8Array;
  readonly signature: Uint8Array;
  readonly issuerChain: readonly Uint8Array[];
}

function signedDocument(name: string, { body, signature, issuerChain }: SignedDocument): Uint8Array {
  return utf8(
    JSON.stringify({
      [name]: new TextDecoder().decode(body),
      [`${name}_signature`]: encodeHex(signature),
      [`${name}_issuer_chain`]: issuerChain.map((der) => encodePem('CERTIFICATE', der)).join(''),
    }),
  );
}

function isObject(json: Json): json is { readonly [name: string]: Json } {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
