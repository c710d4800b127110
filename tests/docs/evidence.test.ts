/** The lines of README.md and of examples/evidence/README.md that verify real evidence: each is accepted, and not after a change of one bit. */

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
