/** A page that verifies one TEE ships the roots of that TEE alone (packages/attestation, `sideEffects: false`). */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Rolldown } from 'vite';
import { expect, it } from 'vitest';

/** The first characters of each vendor's certificates that no other vendor's share. */
const ROOTS = { aws: 'MIICETCCAZ', intel: 'MIICjzCCAj', amd: 'MIIGYzCCBBKgAwIBAgIDAQAAMEYG', nvidia: 'MIICCzCCAZ' };

/** The vendors whose roots a bundle that imports `name` alone carries. */
async function vendorsIn(name: string, from = '@assay/attestation'): Promise<readonly string[]> {
  const directory = await mkdtemp(join(import.meta.dirname, 'output-'));
  try {
    const entry = join(directory, 'entry.ts');
    await writeFile(entry, `export { ${name} } from '${from}';\n`);
    const results = await build({
      configFile: false,
      logLevel: 'silent',
      resolve: { conditions: ['@assay/source'] },
      build: { write: false, minify: false, lib: { entry, formats: ['es'] } },
    });
    const [bundle] = results as readonly Rolldown.RolldownOutput[];
    const code = (bundle?.output ?? []).map((chunk) => ('code' in chunk ? chunk.code : '')).join('');
    const vendors = Object.entries(ROOTS).filter(([, start]) => code.includes(start));
    return vendors.map(([vendor]) => vendor);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The subpaths of TEEs, with the vendors whose hardware may have made such evidence. */
it.each<[string, string, readonly string[]]>([
  ['assay/tdx', 'verifyTdx', ['intel']],
  ['assay/sgx', 'verifySgx', ['intel']],
  ['assay/snp', 'verifySnp', ['amd']],
  ['assay/nitro', 'verifyNitro', ['aws']],
  ['assay/nvidia', 'verifyNvidia', ['nvidia']],
  ['assay/dstack', 'verifyDstack', ['aws', 'intel', 'amd']],
  ['assay/tpm', 'verifyTpm', ['amd']],
  ['assay/token', 'verifyToken', []],
  ['assay/combined', 'verifyCombined', ['aws', 'intel', 'amd', 'nvidia']],
])('a bundle of %s holds the roots of its vendors and no other', async (subpath, name, vendors) => {
  expect(await vendorsIn(name, subpath)).toEqual(vendors);
});

it('a bundle of the Nitro verifier holds the AWS root and no other', async () => {
  expect(await vendorsIn('nitroVerifier')).toEqual(['aws']);
});

it('a bundle of the TDX verifier and what makes it one holds the Intel root and no other', async () => {
  expect(await vendorsIn('createVerifier, tdxVerifier')).toEqual(['intel']);
});

it('a bundle of the verifier of everything holds every root', async () => {
  expect(await vendorsIn('verify')).toEqual(['aws', 'intel', 'amd', 'nvidia']);
});
