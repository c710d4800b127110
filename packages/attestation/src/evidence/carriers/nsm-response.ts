/**
 * Answers of the Nitro Security Module as its device gives them: CBOR `{"Attestation": {"document": bytes}}`.
 * Source: aws-nitro-enclaves-nsm-api, `Response::Attestation`. Not checked here: the document.
 */

import { decodeCbor } from '@assay/encoding/cbor';
import { EncodingError } from '@assay/encoding/errors';

/** `{"Attestation"` begins with a map of one and a text of eleven bytes. */
const START = Uint8Array.of(0xa1, 0x6b, 0x41, 0x74, 0x74, 0x65, 0x73, 0x74);
const MAX_RESPONSE = 1 << 16; // bytes

/**
 * The document inside, `null` when `file` is something else.
 * @throws errors that are none of decoding.
 */
export function nsmDocument(file: Uint8Array): Uint8Array | null {
  if (file.length > MAX_RESPONSE || !START.every((byte, index) => file[index] === byte)) return null;
  try {
    const response = decodeCbor(file, { allowIndefinite: true, allowLongForms: true });
    const attestation = response instanceof Map ? response.get('Attestation') : null;
    const document = attestation instanceof Map ? attestation.get('document') : null;
    return document instanceof Uint8Array ? document : null;
  } catch (error) {
    if (!EncodingError.is(error)) throw error;
    return null;
  }
}
