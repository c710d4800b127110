/** What a web page loads that verifies one TEE's evidence, a receipt or an agent: minified, gzip, without the parts that are loaded when they are needed. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, type Plugin, type Rolldown } from 'vite';
import { expect, it } from 'vitest';

/** Vite puts a loader of style sheets around each later import; other bundlers do not, and it is none of our bytes. */
const WITHOUT_PRELOADING: Plugin = {
  name: 'without-preloading',
  enforce: 'pre',
  load: (id) => (id.includes('vite/preload-helper') ? 'export const __vitePreload = (load) => load();' : null),
};

async function kilobytesOf(name: string, subpath: string): Promise<number> {
  const directory = await mkdtemp(join(import.meta.dirname, 'output-'));
  try {
    const entry = join(directory, 'entry.ts');
    await writeFile(entry, `import { ${name} } from '${subpath}';\nglobalThis.verifyEvidence = ${name};\n`);
    const results = await build({
      configFile: false,
      logLevel: 'silent',
      plugins: [WITHOUT_PRELOADING],
      resolve: { conditions: ['@assay/source'] },
      build: { write: false, minify: true, modulePreload: false, rolldownOptions: { input: entry } },
    });
    const { output } = results as Rolldown.RolldownOutput;
    const chunks = output.flatMap((each) => (each.type === 'chunk' ? [each] : []));
    const loaded = new Map<string, Rolldown.OutputChunk>();
    const load = (chunk: Rolldown.OutputChunk): void => {
      if (loaded.has(chunk.fileName)) return;
      loaded.set(chunk.fileName, chunk);
      for (const file of chunk.imports) {
        const next = chunks.find(({ fileName }) => fileName === file);
        if (next !== undefined) load(next);
      }
    };
    for (const chunk of chunks) if (chunk.isEntry) load(chunk);
    return [...loaded.values()].reduce((sum, { code }) => sum + gzipSync(code).length, 0) / 1000;
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** kB; about a tenth above what they take. */
const BUDGETS = [
  ['assay/tdx', 'verifyTdx', 60],
  ['assay/sgx', 'verifySgx', 60],
  ['assay/snp', 'verifySnp', 74],
  ['assay/nitro', 'verifyNitro', 54],
  ['assay/nvidia', 'verifyNvidia', 50],
  ['assay/dstack', 'verifyDstack', 86],
  ['assay/tpm', 'verifyTpm', 63],
  ['assay/token', 'verifyToken', 47],
  ['assay/combined', 'verifyCombined', 108],
  ['assay/policy', 'policyFrom', 15],
  ['assay/receipt', 'verifyReceipt', 120],
  ['assay/receipt', 'verifyBundle', 131],
  ['assay/channel', 'createSealedFetch', 17],
  ['assay', 'connect', 150],
] as const;

it.each(BUDGETS)('%s: %s takes at most %d kB', async (subpath, name, most) => {
  const size = await kilobytesOf(name, subpath);
  expect(size).toBeGreaterThan(5);
  expect(size).toBeLessThanOrEqual(most);
});
