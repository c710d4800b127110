/**
 * What the console weighs on the wire, gzip: the first load of each page at most 60 kB, the verifier on demand at most 150 kB. Weighed as
 * the built page is read by a browser: an entry, and everything it imports without asking again.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

const DIST = new URL('../../packages/web/dist/', import.meta.url).pathname;
const KILOBYTE = 1000;
/** What a chunk imports at once; `import(` comes later. */
const IMPORT = /(?:import|from)["'`]\.\/([\w.-]+\.js)["'`]/g;

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

const weigh = (names: Iterable<string>): number =>
  [...names].reduce((sum, name) => sum + gzipSync(readFileSync(join(DIST, 'assets', name)), { level: 9 }).length, 0);

describe.skipIf(!existsSync(join(DIST, 'index.html')))('the built console', () => {
  const html = readFileSync(join(DIST, 'index.html'), 'utf8');
  const assets = readdirSync(join(DIST, 'assets'));
  const scripts = [...html.matchAll(/src="\.\/assets\/([\w.-]+)"/g)].map(([, name = '']) => name);
  const sheets = [...html.matchAll(/href="\.\/assets\/([\w.-]+\.css)"/g)].map(([, name = '']) => name);
  const chunk = (name: string): string => assets.find((file) => file.startsWith(`${name}-`) && file.endsWith('.js')) ?? '';
  const shell = together(scripts);

  it.each(['developer', 'chat', 'receipts', 'receipt', 'verify', 'status'])('/%s loads at most 60 kB at first', (page) => {
    const pages = assets.filter((file) => file.startsWith(`${page}-`) && file.endsWith('.js'));
    const first = together([...scripts, ...pages]);
    expect(first.size).toBeGreaterThan(shell.size);
    expect(weigh([...first, ...sheets]) + gzipSync(html).length).toBeLessThanOrEqual(60 * KILOBYTE);
  });

  it('the verifier is at most 150 kB more', () => {
    const verifier = together([chunk('verifier')]);
    expect(verifier.size).toBeGreaterThan(1);
    expect(weigh([...verifier].filter((name) => !shell.has(name)))).toBeLessThanOrEqual(150 * KILOBYTE);
  });
});
