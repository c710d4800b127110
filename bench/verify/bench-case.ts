/** What one kind of evidence gives to the table: our ways to verify it, and the signature checks each has to do at least. */

import { readFileSync } from 'node:fs';
import { bufferSource, concatBytes } from '@assay/encoding/bytes';
import { derSequence, derUnsigned, readDer } from '@assay/encoding/der';
import type { Question } from '@assay/testing';
import { nativeEcdsaKey } from '../../packages/attestation/src/certificates/native-ecdsa.ts';
import { type VerifySignatureInput, verifySignature } from '../../packages/attestation/src/certificates/signature.ts';
import { VerificationCache } from '../../packages/attestation/src/certificates/verification-cache.ts';

export interface BenchCase {
  readonly name: string;
  /** The same evidence, put to the peers. */
  readonly question: Question;
  readonly parse: () => unknown;
  /** Everything that is not this evidence's own is remembered from before. */
  readonly warm: () => Promise<unknown>;
  /** Nothing is remembered. */
  readonly cold: () => Promise<unknown>;
  /** Cold, and the collateral is read from its file besides. */
  readonly coldFile?: () => Promise<unknown>;
  /** A platform of the same kind that was never seen, by a verifier that knows the collateral from another one. */
  readonly newPlatform?: {
    readonly prepare: () => Promise<VerificationCache>;
    readonly verify: (cache: VerificationCache) => Promise<unknown>;
  };
  /** The checks of a cold verification; the first one is that of the evidence itself, which a warm one does too. */
  readonly checks: readonly VerifySignatureInput[];
}

const VECTORS = new URL('../../../shared/vectors/', import.meta.url);

/** A genuine vector. */
export const readGenuine = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(path, VECTORS)));

/** Checks signatures one after another, keys imported again, with the crypto library Assay uses. */
export async function rawChecks(checks: readonly VerifySignatureInput[], cache = new VerificationCache()): Promise<void> {
  for (const check of checks) {
    if (!(await verifySignature({ ...check, cache }))) throw new Error('expected a good signature among the raw ones');
  }
}

/**
 * {@link rawChecks} by WebCrypto alone, which is what they cost before Node's own crypto took the P-256 ones; `null` where other checks are
 * among them.
 */
export function webCryptoChecks(checks: readonly VerifySignatureInput[]): (() => Promise<void>) | null {
  const isP256 = ({ spki, algorithm }: VerifySignatureInput) =>
    algorithm.name === 'ECDSA' && nativeEcdsaKey(spki, 'P-256') !== null;
  if (!checks.every(isP256)) return null;
  const prepared = checks.map(({ spki, signature, signatureForm, message }) => ({
    spki: bufferSource(spki),
    message: bufferSource(message),
    signature: bufferSource(signatureForm === 'raw' ? signature : rawOf(signature)),
  }));
  const curve = { name: 'ECDSA', namedCurve: 'P-256' };
  return async () => {
    for (const { spki, signature, message } of prepared) {
      const key = await crypto.subtle.importKey('spki', spki, curve, false, ['verify']);
      if (!(await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, signature, message)))
        throw new Error('expected a good signature among the raw ones');
    }
  };
}

/** r ‖ s of a DER signature of P-256. */
function rawOf(signature: Uint8Array): Uint8Array {
  const integers = derSequence(readDer(signature)).map(derUnsigned);
  return concatBytes(...integers.flatMap((integer) => [new Uint8Array(32 - integer.length), integer]));
}
