/** What `import 'assay'` brings along: these packages of others, and none that only the command needs. `npm run test:pack` weighs them. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Rolldown } from 'vite';
import { expect, it } from 'vitest';

const WANTED = ['@noble/curves', '@noble/hashes', '@noble/post-quantum', 'jose', 'semver'];

it('the SDK imports these packages of others', async () => {
  const directory = await mkdtemp(join(import.meta.dirname, 'output-'));
  try {
    const entry = join(directory, 'entry.ts');
    await writeFile(entry, "export * from 'assay';\n");
    const { output } = (await build({
      configFile: false,
      logLevel: 'silent',
      resolve: { conditions: ['@assay/source'] },
      ssr: { noExternal: true, resolve: { conditions: ['@assay/source', 'module', 'node'] } },
      build: { ssr: entry, write: false, minify: false, rolldownOptions: { treeshake: false } },
    })) as Rolldown.RolldownOutput;
    const modules = output.flatMap((chunk) => (chunk.type === 'chunk' ? Object.keys(chunk.modules) : []));
    const names = modules.flatMap((id) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.slice(1) ?? []);
    expect([...new Set(names)].sort()).toEqual(WANTED);
  } finally {
    await rm(directory, { recursive: true });
  }
}, 120_000);
