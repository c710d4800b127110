/** What an agent with an operator manifest derives from the platform's kept secret: one key for each use, HKDF-SHA256 (RFC 5869). */

import { hkdfSync, randomBytes } from 'node:crypto';
import { type Hex, keccakOf } from '@assay/operator';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import type { Attester } from '../ports/attester.ts';

/** A secret that KMS keeps, and its sealed form. */
export interface SealedSecret {
  readonly secret: Uint8Array;
  readonly ciphertext: string;
}

export interface OperatorSecrets {
  /** False: the secret ends with this process, and the wallet with it. */
  readonly kept: boolean;
  /** Base64: the secret as KMS sealed it, no secret; `null` where KMS does not keep it. */
  readonly kmsCiphertext: string | null;
  /** Names the secret without telling it. */
  readonly id: Hex;
  /** Seals rows of state, 32 bytes. */
  readonly state: Uint8Array;
  /** Private key of the wallet, 32 bytes. */
  readonly wallet: Uint8Array;
}

/**
 * The secrets of this platform, or fresh ones where it keeps none.
 * @param fromKms gives the one that the manifest wants from KMS; `null` when it names none.
 * @throws {ServerError} `attester/unavailable`, `operator/secret-unavailable` when the platform should have one and does not give it,
 * `operator/secret-missing`, `operator/secret-exposed`.
 */
export async function openSecrets(
  attester: Attester,
  fromKms: (() => Promise<SealedSecret>) | null = null,
): Promise<OperatorSecrets> {
  const kms = fromKms === null ? null : await fromKms();
  const kept = kms !== null || attester.keptSecret !== undefined;
  const root = kms?.secret ?? (await attester.keptSecret?.()) ?? new Uint8Array(randomBytes(32));
  const derive = (use: string, length: number): Uint8Array =>
    new Uint8Array(hkdfSync('sha256', root, 'assay operator/1', use, length));
  const secrets = {
    kept,
    kmsCiphertext: kms?.ciphertext ?? null,
    id: keccakOf(derive('id', 32)),
    state: derive('state', 32),
    // 48 bytes reduced to the order of the curve, FIPS 186-5 A.2.1.
    wallet: secp256k1.utils.randomSecretKey(derive('wallet', 48)),
  };
  root.fill(0);
  return secrets;
}
