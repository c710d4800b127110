/** What the built console weighs on the wire, gzip: an entry, and everything it imports without asking again. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const DIST = new URL('../../packages/web/dist/', import.meta.url).pathname;
/** What a chunk imports at once; `import(` comes later. */
const IMPORT = /(?:import|from)["'`]\.\/([\w.-]+\.js)["'`]/g;

/** What follows the name of a chunk. */
const HASHED = /^-[\w-]{8}\.js$/;

export interface ConsoleWeight {
  /** Bytes of the first load of a page; its own script among them. `null` for a page that is none. */
  page(name: string): number | null;
  /** Bytes that the verifier brings in addition to the shell. */
  verifier(): number;
}

/** `null` when the console is not built. */
export function consoleWeight(): ConsoleWeight | null {
  if (!existsSync(join(DIST, 'index.html'))) return null;
  const html = readFileSync(join(DIST, 'index.html'), 'utf8');
  const assets = readdirSync(join(DIST, 'assets'));
  const named = (pattern: RegExp): string[] => [...html.matchAll(pattern)].map(([, name = '']) => name);
  const scripts = named(/src="\.\/assets\/([\w.-]+)"/g);
  const sheets = named(/href="\.\/assets\/([\w.-]+\.css)"/g);
  const chunks = (name: string): string[] =>
    assets.filter((file) => file.startsWith(`${name}-`) && HASHED.test(file.slice(name.length)));
  const shell = together(scripts);
  const router = scripts.map((name) => readFileSync(join(DIST, 'assets', name), 'utf8')).join('\n');
  return {
    page: (name) => {
      // Parts that a page loads later may have its name, too; the router asks for the page alone.
      const first = together([...scripts, ...chunks(name).filter((file) => router.includes(`import(\`./${file}\`)`))]);
      return first.size === shell.size ? null : weigh([...first, ...sheets]) + gzipSync(html).length;
    },
    verifier: () => weigh([...together(chunks('verifier'))].filter((name) => !shell.has(name))),
  };
}

/** Names of the files that are loaded together with `names`. */
function together(names: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    const text = readFileSync(join(DIST, 'assets', name), 'utf8');
    for (const [, imported = ''] of text.matchAll(IMPORT)) visit(imported);
  };
  names.forEach(visit);
  return found;
}

function weigh(names: readonly string[]): number {
  return names.reduce((sum, name) => sum + gzipSync(readFileSync(join(DIST, 'assets', name)), { level: 9 }).length, 0);
}
