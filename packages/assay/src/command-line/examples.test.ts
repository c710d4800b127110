/** Every example names a command that exists, with options that it has; every command and subcommand has one; all fits 80 columns. */

import { FAKE_NOW, transcript } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { ANSWERS, EXAMPLES } from './examples.ts';
import { run } from './program.ts';

async function help(...args: readonly string[]): Promise<string> {
  const io = transcript({ cwd: '/', now: FAKE_NOW });
  expect(await run([...args, '--help'], io)).toBe(0);
  return io.out();
}

describe.each(Object.entries(EXAMPLES))('assay %s', (name, examples) => {
  test('is listed', async () => expect(await help()).toMatch(new RegExp(`^  ${name} `, 'm')));

  test.skipIf(name === 'completion').each([...examples])('%s', async (line) => {
    const words = /^assay (.+)$/.exec(line)?.[1]?.split(' ') ?? [];
    expect(words[0]).toBe(name);
    const shown = await help(name);
    const [, inner = ''] = words;
    const known = subcommandsIn(shown).includes(inner) ? await help(name, inner) : shown;
    for (const [option] of line.matchAll(/(?<= )--?[a-z][a-z-]*/g))
      expect(known, option).toMatch(new RegExp(`^  .*${option}[ ,]`, 'm'));
    for (const page of [shown, known]) expect(asOneLine(page), 'and is shown').toContain(line);
  });
});

test('every command and subcommand has an example, once, and fits 80 columns', async () => {
  const names = subcommandsIn(await help());
  expect(names.length).toBeGreaterThan(20);
  for (const name of names) {
    const shown = await help(name);
    const pages = [shown, ...(await Promise.all(subcommandsIn(shown).map((inner) => help(name, inner))))];
    for (const page of pages) {
      expect(page.match(/^Examples?:$/gm), page).toEqual(['Examples:']);
      for (const line of page.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    }
  }
}, 120_000);

test('an option stays with its value where an example is broken', async () => {
  const shown = await help('check-contract');
  expect(shown).toContain('  assay check-contract build/bundle.json --rpc http://127.0.0.1:8545 \\\n      --address 0xabc\n');
});

test.each(Object.entries(ANSWERS))('assay %s --help says what its exit codes answer', async (words, answers) => {
  expect(asOneLine(await help(...words.split(' ')))).toContain(`Exit codes: ${answers}.`);
});

test.each(['completion', 'mock-tee', 'verify'])('assay help %s shows its examples too', async (name) => {
  const io = transcript({ cwd: '/', now: FAKE_NOW });
  await run(['help', name], io);
  expect(io.out()).toContain(`Examples:\n  ${EXAMPLES[name]?.[0]?.[0]}\n`);
});

test('the list of commands fits a terminal', async () => {
  for (const line of (await help()).split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
});

/** The commands that a help page lists. */
function subcommandsIn(page: string): readonly string[] {
  const listed = /^Commands:\n((?: {2}.*\n)+)/m.exec(page)?.[1] ?? '';
  return [...listed.matchAll(/^ {2}([a-z-]+) /gm)].map(([, name = '']) => name).filter((name) => name !== 'help');
}

/** As the shell reads a line that goes on in the next. */
function asOneLine(page: string): string {
  return page
    .replaceAll(/ \\\n +/g, ' ')
    .replaceAll('\n', ' ')
    .replaceAll(/ {2,}/g, ' ');
}
