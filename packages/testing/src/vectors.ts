/**
 * The real, hardware-signed vectors beside the checkout (`../shared/vectors`, or where ASSAY_VECTORS points). Without them suites
 * pass and say loudly on standard error what was left out.
 */

import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface VectorCase {
  readonly id: string;
  /** `aws-nitro`, `intel-tdx`, `intel-sgx`, `amd-sev-snp`, `nvidia-gpu`, `nvidia-rim`, `dstack`, `combined`, `jwt-nras` … */
  readonly tee: string;
  /** Path below the directory, or several. */
  readonly evidence: string;
  readonly companions?: Readonly<Record<string, string | readonly string[]>>;
  /** RFC 3339. */
  readonly at: string | null;
  readonly expect: Readonly<Record<string, unknown>>;
  readonly [more: string]: unknown;
}

export interface VectorManifest {
  readonly cases: readonly VectorCase[];
  readonly files: readonly {
    readonly path: string;
    readonly sha256: string;
    readonly tee: string;
    readonly [more: string]: unknown;
  }[];
  readonly uncased: readonly unknown[];
}

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
let told = false;

/** The directory of the vectors, or `null` when it is not there; the first `null` prints one line. */
export function vectorsDirectory(): string | null {
  const directory = process.env.ASSAY_VECTORS ?? resolve(REPOSITORY, '../shared/vectors');
  if (existsSync(resolve(directory, 'manifest.json'))) return directory;
  if (!told)
    process.stderr.write(
      `\n!! NOT TESTED: no hardware-signed vectors at ${directory}; every test on real evidence was left out\n`,
    );
  told = true;
  return null;
}

/** The manifest, or `null` without vectors. */
export function loadManifest(): VectorManifest | null {
  const directory = vectorsDirectory();
  return directory === null ? null : (JSON.parse(readFileSync(resolve(directory, 'manifest.json'), 'utf8')) as VectorManifest);
}

/** The cases of some TEEs; none without vectors. */
export function vectorCases(...tees: readonly string[]): readonly VectorCase[] {
  return loadManifest()?.cases.filter(({ tee }) => tees.includes(tee)) ?? [];
}

/** Bytes of one vector file. */
export function readVector(path: string): Uint8Array {
  const directory = vectorsDirectory();
  if (directory === null) throw new Error(`expected the vectors, got none; ask vectorsDirectory() before reading ${path}`);
  return new Uint8Array(readFileSync(resolve(directory, path)));
}
