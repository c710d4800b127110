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

/** What is measured, and where it lies. */
export interface MeasuredPlace {
  readonly code: readonly string[];
  /** Of the agent's package. */
  readonly manifest: string;
  /** Version of Node, operating system and processor. */
  readonly runtime: string;
}

const RUNNING: MeasuredPlace = { code: CODE, manifest: MANIFEST, runtime: `${version} ${platform} ${arch}` };

/**
 * An agent in the unpacked root filesystem of an image: what its simulated evidence will say once it runs.
 * @param folder of the application, with `packages` in it.
 * @example await measureCode(codeInImage('rootfs/assay', 'v24.21.0 linux x64'))
 */
export function codeInImage(folder: string, runtime: string): MeasuredPlace {
  const code = ['agent', 'sandbox', 'ledger'].map((name) => `${join(folder, 'packages', name, 'dist')}${sep}`);
  return { code, manifest: join(folder, 'packages/agent/package.json'), runtime };
}

/** Index → 48 bytes, sixteen of them. The same code under the same runtime measures the same. */
export function measureRunningCode(): Promise<ReadonlyMap<number, Uint8Array>> {
  return measureCode(RUNNING);
}

/**
 * {@link measureRunningCode} of code elsewhere.
 * @example const registers = await measureCode(codeInImage('rootfs/assay', 'v24.21.0 linux x64')); registers.get(0)
 */
export async function measureCode({ code, manifest, runtime }: MeasuredPlace): Promise<ReadonlyMap<number, Uint8Array>> {
  const measured = [
    await digestOfCode(code),
    digest('assay/simulated/runtime', [runtime]),
    digest('assay/simulated/manifest', [await readFile(manifest)]),
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
