/**
 * The lines of README.md and of examples/evidence/README.md that verify real evidence: each is accepted, and not after a change of one bit;
 * without `--at` each ends as the page says.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transcript } from '@assay/testing';
import { expect, test } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const LINES = new Set(
  ['README.md', 'examples/evidence/README.md'].flatMap((page) =>
    [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^npx assay (verify examples\/evidence\/.+)$/gm)].map(
      ([, line = '']) => line,
    ),
  ),
);

test('there are lines for three TEEs', () => {
  const files = [...LINES].map((line) => line.split(' ')[1]);
  expect(new Set(files).size).toBe(3);
});

/** Between the end of the collateral and that of AMD's certificate. */
const LATER = Date.UTC(2026, 10, 30);
/** `| Nitro | NOT AUTHENTIC, exit code 3, `certificate/expired` | …`: what the page says of a line without `--at`. */
const OUTCOMES = [
  ...readFileSync(join(ROOT, 'examples/evidence/README.md'), 'utf8').matchAll(
    /^\| (Nitro|TDX|SEV-SNP) \| ([A-Z ]+), exit code (\d)(?:, `([a-z/-]+)`)? \|/gm,
  ),
].map(([, name = '', words = '', code = '', error = '']) => ({ name, words, code: Number(code), error }));
const FILES: Readonly<Record<string, string>> = { Nitro: 'nitro.cose', TDX: 'tdx.quote', 'SEV-SNP': 'snp.report' };

test.each(Object.entries(FILES))('%s without --at ends as the page says', async (wanted, file) => {
  const said = OUTCOMES.find(({ name }) => name === wanted);
  const line = [...LINES].find((each) => each.includes(file)) ?? '';
  const io = transcript({ cwd: ROOT, now: LATER });
  const code = await run([...line.replace(/ --at \S+/, '').split(' '), '--offline'], io);
  expect({ code, words: io.out().split('  ')[0], error: /\[([a-z/-]+)\]/.exec(io.err())?.[1] ?? '' }).toEqual({
    code: said?.code,
    words: said?.words,
    error: said?.error,
  });
});

test.each([...LINES].map((line) => [line]))('assay %s', async (line) => {
  const io = transcript({ cwd: ROOT, now: 0 });
  expect(await run(line.split(' '), io), io.err()).toBe(0);
  expect(io.out()).toMatch(/^ACCEPTED /);
  const [verify = '', file = '', ...options] = line.split(' ');
  const changed = readFileSync(join(ROOT, file));
  const middle = changed.length >> 1;
  changed[middle] = (changed[middle] ?? 0) ^ 1;
  const folder = mkdtempSync(join(tmpdir(), 'assay-evidence-'));
  try {
    writeFileSync(join(folder, 'changed'), changed);
    const other = transcript({ cwd: ROOT, now: 0 });
    expect([2, 3, 4]).toContain(await run([verify, join(folder, 'changed'), ...options], other));
    expect(other.out()).not.toContain('ACCEPTED');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
