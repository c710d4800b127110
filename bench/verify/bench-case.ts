/** What one kind of evidence gives to the table: our ways to verify it, and the signature checks each has to do at least. */

import { readFileSync } from 'node:fs';
import type { Question } from '@assay/testing';
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

/** Checks signatures one after another, keys imported anew, with the crypto library Assay uses. */
export async function rawChecks(checks: readonly VerifySignatureInput[], cache = new VerificationCache()): Promise<void> {
  for (const check of checks) {
    if (!(await verifySignature({ ...check, cache }))) throw new Error('expected a good signature among the raw ones');
  }
}
