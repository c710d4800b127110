/** The key of one keyset that signs build provenance: made in the enclave, one role, never stored, gone with its keyset (spec/keyset.md §1). */

import { generateKeyPairSync, sign } from 'node:crypto';
import { encodeHex } from '@assay/encoding/hex';
import { type KeysetKey, keyId, PROVENANCE_ALGORITHM, type Signer } from '@assay/receipt';

export interface ProvenanceKey {
  readonly entry: KeysetKey;
  readonly signer: Signer;
}

export function createProvenanceKey(): ProvenanceKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32));
  const entry = { key_id: keyId('provenance', raw), algo: PROVENANCE_ALGORITHM, public_key: encodeHex(raw) };
  return { entry, signer: { keyId: entry.key_id, sign: (message) => new Uint8Array(sign(null, message, privateKey)) } };
}
