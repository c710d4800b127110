/**
 * Stand-ins for the PCRs of an enclave image. PCR0: every code file of this package, the sandbox and the ledger. PCR1: the runtime under it. PCR2: the
 * package's manifest, that is, the versions it asks for. The others are zero, as unused PCRs are. None of them is zero by mistake:
 * zero in PCR0 to PCR2 means debug mode. No hardware vouches for any of this.
 */

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { arch, platform, version } from 'node:process';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
/** `src` or `dist` of each package. */
const CODE: readonly string[] = [
  fileURLToPath(new URL('../../../', import.meta.url)),
  ...['@assay/sandbox', '@assay/ledger'].map((name) => dirname(require.resolve(name))),
];
const MANIFEST = fileURLToPath(new URL('../../../../package.json', import.meta.url));
const PCR_COUNT = 16;

/** Index → 48 bytes, sixteen of them. The same code under the same runtime measures the same. */
export async function measureRunningCode(): Promise<ReadonlyMap<number, Uint8Array>> {
  const measured = [
    await digestOfCode(CODE),
    digest('assay/simulated/runtime', [`${version} ${platform} ${arch}`]),
    digest('assay/simulated/manifest', [await readFile(MANIFEST)]),
  ];
  return new Map(Array.from({ length: PCR_COUNT }, (_, index) => [index, measured[index] ?? new Uint8Array(48)]));
}

async function digestOfCode(directories: readonly string[]): Promise<Uint8Array> {
  const parts: (string | Uint8Array)[] = [];
  for (const directory of directories) parts.push(...(await filesBelow(directory)));
  return digest('assay/simulated/code', parts);
}

async function filesBelow(directory: string): Promise<readonly (string | Uint8Array)[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries
    .filter(
      (entry) => entry.isFile() && /\.(?:js|ts|mjs|py|json)$/.test(entry.name) && !/\.test\.ts$|\.d\.ts$/.test(entry.name),
    )
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const parts: (string | Uint8Array)[] = [];
  for (const file of files) parts.push(relative(directory, file).split(sep).join('/'), await readFile(file));
  return parts;
}

/** SHA-384 over length-prefixed parts. */
function digest(label: string, parts: readonly (string | Uint8Array)[]): Uint8Array {
  const hash = createHash('sha384').update(`${label}\n`);
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}\n`).update(part);
  return new Uint8Array(hash.digest());
}
