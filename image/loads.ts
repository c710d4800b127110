/**
 * Does what is left in the image still load? Each module of the workspace's packages is imported out of the image by the Node that builds, so that a
 * file that was left out by mistake stops the build and not the agent. So are the packages that a module imports only later.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { HOME } from './application.ts';
import type { Entry } from './entries.ts';

/** Programs and threads act when they are loaded; code of cells and of the Nitro device is Deno's. What they import is imported by others, too, or by nothing here. */
const ACTS = /\/(?:[\w-]*worker|[\w-]*thread|main|[\w-]*process|nsm-device)\.js$|\/wasm\/guest\//;
/** A package's name in `import()`, on a line of code. */
const LATER_IMPORT = /^(?!\s*(?:\*|\/\/)).*?\bimport\('((?!node:)[@a-z][\w@./-]*)'\)/gm;
const MODULES = new RegExp(`^${HOME}/packages/(?!web/)[^/]+/dist/.+\\.js$`);

/**
 * @param entries the image's application.
 * @throws Error that names the first module that does not load, and why; or that there is none.
 */
export function refuseBroken(entries: readonly Entry[]): void {
  const place = mkdtempSync(join(tmpdir(), 'assay-image-loads-'));
  try {
    for (const { path, kind, bytes, target } of entries) {
      if (kind === 'folder') continue;
      mkdirSync(dirname(join(place, path)), { recursive: true });
      if (kind === 'link') symlinkSync(target, join(place, path));
      else writeFileSync(join(place, path), bytes);
    }
    const own = entries.filter(({ path }) => MODULES.test(path) && !ACTS.test(path));
    const modules = [...own.map(({ path }) => path), ...own.flatMap((entry) => laterImports(entry, place))];
    if (own.length === 0)
      throw new Error('expected modules in packages/*/dist of the image, got none; mend image/application.ts');
    const program = join(place, 'load-all.mjs');
    writeFileSync(program, loading(modules.map((path) => join(place, path))));
    const { status, stdout, stderr } = spawnSync(process.execPath, [program], {
      encoding: 'utf8',
      cwd: place,
      env: { PATH: process.env.PATH },
      timeout: 300_000,
    });
    const loaded = Number(/loaded (\d+)\n$/.exec(stdout)?.[1] ?? 0);
    if (status === 0 && loaded === modules.length) return;
    const reason =
      status === 0 ? 'it ended the program' : (stderr.trim().split('\n').at(-1)?.slice(0, 400) ?? `status ${status}`);
    throw new Error(
      `expected ${modules.length} modules of the image to load, got ${loaded}, then ${modules[loaded]}: ${reason}; mend image/left-out.ts`,
    );
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** Packages that a module imports only when it needs them: a module next to it imports them at once. @returns its path, if there are any. */
function laterImports({ path, bytes }: Entry, place: string): readonly string[] {
  const names = [...new TextDecoder().decode(bytes).matchAll(LATER_IMPORT)].map(([, name]) => name);
  if (names.length === 0) return [];
  const imports = `${path}.later.mjs`;
  writeFileSync(join(place, imports), names.map((name) => `import '${name}';\n`).join(''));
  return [imports];
}

/** A program that imports modules one after the other, and says how many it did, also when one of them ends it. */
function loading(files: readonly string[]): string {
  return `let loaded = 0;
process.on('exit', () => console.log('\\nloaded ' + loaded));
for (const file of ${JSON.stringify(files)}) {
  try {
    await import(file);
  } catch (error) {
    console.error(String(error.message).split('\\n')[0]);
    process.exit(1);
  }
  loaded += 1;
}
process.exit(0);
`;
}
