/**
 * No regular expression of the packages takes more than linear time on any text: the gate finds every literal and constructor, knows
 * the slow ones, and passes on this tree.
 */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const GATE = new URL('../../tools/check-regexes.mjs', import.meta.url);
const { regexesIn, defectOf, keptVerdicts } = (await import(GATE.href)) as {
  readonly regexesIn: (name: string, source: string) => readonly { readonly pattern: string | null; readonly flags: string }[];
  readonly defectOf: (pattern: string | null, flags: string) => Promise<string | null>;
  readonly keptVerdicts: (kept: string, checker: string) => ReadonlySet<string>;
};

it.each([
  ['a literal', 'const a = /x+$/gu;', [{ pattern: 'x+$', flags: 'gu', line: 1 }]],
  ['one in a call', "\n'a'.replace(/b*c/, '');", [{ pattern: 'b*c', flags: '', line: 2 }]],
  ['a constructor', "new RegExp('a+$', 'i')", [{ pattern: 'a+$', flags: 'i', line: 1 }]],
  ['one without new', "RegExp('a+$')", [{ pattern: 'a+$', flags: '', line: 1 }]],
  ['one made at run time', 'new RegExp(`^${name}$`)', [{ pattern: null, flags: '', line: 1 }]],
  ['none in text or types', "const a: RegExp | null = null; '/x+$/';", []],
])('finds %s', (_, source, found) => expect(regexesIn('a.ts', source)).toEqual(found));

it.each([
  ['a run before an end', '=+$', ''],
  ['two runs of the same', '^\\s*a?\\s*=', ''],
  ['nested runs', '(?:a+)+b', ''],
  ['anything between two marks', '<x>[^>]*</x>.*$', ''],
  ['a block that names its own end', '<(think|thought)>[\\s\\S]*?</\\1>', 'gi'],
  ['anything that is made at run time', null, ''],
])('refuses %s', async (_, pattern, flags) => expect(await defectOf(pattern, flags)).not.toBeNull());

it.each(['^[A-Za-z0-9._-]{1,64}$', '[:,\\s]+', '^data: ?\\{'])('passes /%s/', async (pattern) =>
  expect(await defectOf(pattern, '')).toBeNull(),
);

const KEPT = JSON.parse(readFileSync(new URL('../../tools/safe-regexes.json', import.meta.url), 'utf8')) as {
  readonly checker: string;
  readonly safe: readonly string[];
};

it('keeps verdicts for the version that gave them', () => {
  const kept = JSON.stringify({ checker: 'recheck 1.0.0', safe: ['/a$', 'i/b$'] });
  expect([...keptVerdicts(kept, 'recheck 1.0.0')]).toEqual(['/a$', 'i/b$']);
  expect([...keptVerdicts(kept, 'recheck 1.0.1')]).toEqual([]);
});

it('finds every sixteenth kept expression safe again', { timeout: 300_000 }, async () => {
  const sample = KEPT.safe.filter((_, index) => index % 16 === 0);
  expect(sample.length).toBeGreaterThan(30);
  for (const key of sample) {
    const slash = key.indexOf('/');
    expect(await defectOf(key.slice(slash + 1), key.slice(0, slash)), key).toBeNull();
  }
});

it('passes on the packages: each expression is kept as safe, or checked now', { timeout: 600_000 }, () => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [fileURLToPath(GATE)], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^[0-9]{3,} regular expressions, 0 faults/);
  expect(status).toBe(0);
});
