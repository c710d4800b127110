/**
 * What tests of contracts need beyond the repository: compilers and published packages, fetched through npm once, held to their integrity,
 * and kept in `node_modules/.cache`. `.ci/run` fetches the compilers ahead of the tests.
 */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { installNativeImage } from '@assay/sandbox';
import { installProgram, PROGRAMS } from '../../packages/agent/src/adapters/analyzer/bundled-program.ts';
import { installCompiler } from '../../packages/agent/src/adapters/compilers/install.ts';

const CACHE = new URL('../../node_modules/.cache/assay-tests/', import.meta.url).pathname;

/** A folder with these compilers, at least. */
export async function compilersFolder(...versions: readonly string[]): Promise<string> {
  const folder = join(CACHE, 'compilers');
  for (const version of versions) await installCompiler(folder, version);
  return folder;
}

/** A folder with the image that analyses contracts, and the linter. */
export async function analyzerFolder(): Promise<string> {
  await installNativeImage(CACHE, () => undefined, 'slither');
  await installProgram(CACHE, PROGRAMS.solhint);
  return CACHE;
}

/** The folder of an unpacked npm package. */
export function npmPackage(name: string, version: string, integrity: string): string {
  const folder = join(CACHE, 'packages', `${name.replace('/', '+')}@${version}`);
  if (existsSync(folder)) return folder;
  mkdirSync(dirname(folder), { recursive: true });
  const work = mkdtempSync(`${folder}.building-`);
  try {
    const packed = execFileSync('npm', ['pack', '--silent', `${name}@${version}`, '--pack-destination', work], { cwd: work });
    const archive = join(work, packed.toString('utf8').trim());
    const actual = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
    if (actual !== integrity) throw new Error(`${name}@${version}: expected ${integrity}, got ${actual}`);
    const unpacked = join(work, 'unpacked');
    mkdirSync(unpacked);
    execFileSync('tar', ['-xzf', archive, '-C', unpacked, '--strip-components=1']);
    if (!existsSync(folder)) renameSync(unpacked, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return folder;
}
