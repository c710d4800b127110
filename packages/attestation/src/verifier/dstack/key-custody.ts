/**
 * dstack's key custody: a key that GetKey or Sign hands to an application comes with signatures from the application's key and,
 * over that, from the KMS. Proves: the KMS whose key is `kmsKey` issued an application key to `appId`, and that key vouches for
 * `publicKey` and `purpose`. Not proved: that this KMS is a good one; compare `kmsKey` with the root you trust.
 * Source: Dstack-TEE/dstack, guest-agent and kms: both signatures are 65 bytes r ‖ s ‖ v over Keccak-256.
 */

import { concatBytes, equalBytes, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { AttestationError } from '../../errors.ts';

const SIGNATURE_LENGTH = 65; // bytes

export interface KeyCustodyInput {
  /** The key vouched for: 33 bytes compressed secp256k1 or 32 bytes Ed25519. */
  readonly publicKey: Uint8Array;
  /** The purpose given to GetKey; `signing` for Sign. */
  readonly purpose: string;
  /** 65 bytes each: by the application key, then by the KMS. */
  readonly signatures: readonly [Uint8Array, Uint8Array];
  /** 20 bytes, from an attested app-id. */
  readonly appId: Uint8Array;
  /** The KMS root key to compare with, 33 bytes compressed. */
  readonly kmsKey: Uint8Array;
}

/**
 * Checks both signatures and the root.
 * @returns the application's key, 33 bytes compressed.
 * @throws {AttestationError} `dstack/key-custody-invalid`.
 * @example verifyKeyCustody({ publicKey, purpose: 'signing', signatures: [byApp, byKms], appId, kmsKey });
 */
export function verifyKeyCustody(input: KeyCustodyInput): Uint8Array {
  const { publicKey, purpose, signatures, appId, kmsKey } = input;
  const appKey = recover(signatures[0], utf8(`${purpose}:${encodeHex(publicKey)}`));
  const issuer = recover(signatures[1], concatBytes(utf8('dstack-kms-issued:'), appId, appKey));
  if (!equalBytes(issuer, kmsKey)) throw invalid('expected a chain that ends at the kms key given, got another key');
  return appKey;
}

function recover(signature: Uint8Array, message: Uint8Array): Uint8Array {
  const v = signature[SIGNATURE_LENGTH - 1] ?? 255;
  const recovery = v >= 27 ? v - 27 : v;
  if (signature.length !== SIGNATURE_LENGTH || recovery > 3) throw invalid('expected 65 bytes r, s and v, got something else');
  try {
    const recovered = concatBytes(Uint8Array.of(recovery), signature.subarray(0, 64));
    return secp256k1.recoverPublicKey(recovered, keccak_256(message), { prehash: false });
  } catch (cause) {
    throw invalid('expected a signature some key can have made, got none', cause);
  }
}

function invalid(message: string, cause?: unknown): AttestationError {
  return new AttestationError('dstack/key-custody-invalid', `${message}; do not use the key`, { cause });
}
