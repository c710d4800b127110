/** The real, hardware-signed vectors and the cases of their manifest. Without them `haveVectors` is false. */

import { collectEndorsements, type Endorsements } from '@assay/attestation';
import { readVector, vectorCases, vectorsDirectory } from '@assay/testing';

export const haveVectors = vectorsDirectory() !== null;

export interface VectorCase {
  readonly id: string;
  readonly tee: string;
  readonly evidence: string;
  readonly companions?: Readonly<Record<string, string>>;
  readonly at: string;
  // biome-ignore lint/suspicious/noExplicitAny: each TEE's expectation has its own shape.
  readonly expect: Readonly<Record<string, any>>;
}

/** Bytes of a vector, by its path in the manifest. */
export const vectorBytes: (path: string) => Uint8Array = readVector;

/** What the companion files of a case hold. */
export function endorsementsOf(companions: VectorCase['companions'] = {}): Endorsements {
  return collectEndorsements(Object.values(companions).map((name) => ({ name, bytes: vectorBytes(name) })));
}

/** Cases of one TEE in the manifest; none without the vectors. */
export function casesOf(tee: string): readonly VectorCase[] {
  return vectorCases(tee) as readonly VectorCase[];
}
