/** The real, hardware-signed vectors in ../shared/vectors and the cases of their manifest. Without them `haveVectors` is false. */

import { existsSync, readFileSync } from 'node:fs';
import { collectEndorsements, type Endorsements } from '@assay/attestation';

const ROOT = new URL('../../../shared/vectors/', import.meta.url);

export const haveVectors = existsSync(new URL('manifest.json', ROOT));

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
export function vectorBytes(path: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(path, ROOT)));
}

/** What the companion files of a case hold. */
export function endorsementsOf(companions: VectorCase['companions'] = {}): Endorsements {
  return collectEndorsements(Object.values(companions).map((name) => ({ name, bytes: vectorBytes(name) })));
}

/** Cases of one TEE in the manifest; none without the vectors. */
export function casesOf(tee: string): readonly VectorCase[] {
  if (!haveVectors) return [];
  const manifest = JSON.parse(new TextDecoder().decode(vectorBytes('manifest.json'))) as {
    readonly cases: readonly VectorCase[];
  };
  return manifest.cases.filter((each) => each.tee === tee);
}
