/** What an agent with an operator manifest derives from the platform's kept secret: one key for each use, HKDF-SHA256 (RFC 5869). */

import { hkdfSync, randomBytes } from 'node:crypto';
import { type Hex, keccakOf } from '@assay/operator';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import type { Attester } from '../ports/attester.ts';

export interface OperatorSecrets {
  /** False: the secret ends with this process, and the wallet with it. */
  readonly kept: boolean;
  /** Names the secret without telling it. */
  readonly id: Hex;
  /** Seals rows of state, 32 bytes. */
  readonly state: Uint8Array;
  /** Private key of the wallet, 32 bytes. */
  readonly wallet: Uint8Array;
}

/**
 * The secrets of this platform, or fresh ones where it keeps none.
 * @throws {ServerError} `attester/unavailable` when the platform should have one and does not give it.
 */
export async function openSecrets(attester: Attester): Promise<OperatorSecrets> {
  const kept = attester.keptSecret !== undefined;
  const root = (await attester.keptSecret?.()) ?? new Uint8Array(randomBytes(32));
  const derive = (use: string, length: number): Uint8Array =>
    new Uint8Array(hkdfSync('sha256', root, 'assay operator/1', use, length));
  const secrets = {
    kept,
    id: keccakOf(derive('id', 32)),
    state: derive('state', 32),
    // 48 bytes reduced to the order of the curve, FIPS 186-5 A.2.1.
    wallet: secp256k1.utils.randomSecretKey(derive('wallet', 48)),
  };
  root.fill(0);
  return secrets;
}
