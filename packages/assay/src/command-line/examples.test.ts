/** Every example names a command that exists, with options that it has. */

import { FAKE_NOW, transcript } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { EXAMPLES } from './examples.ts';
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
    const parts = /^Commands:\n((?: {2}.*\n)+)/m.exec(shown)?.[1] ?? '';
    const known = new RegExp(`^ {2}${inner} `, 'm').test(parts) ? await help(name, inner) : shown;
    for (const [option] of line.matchAll(/(?<= )--?[a-z][a-z-]*/g))
      expect(known, option).toMatch(new RegExp(`^  .*${option}[ ,]`, 'm'));
    expect(shown, 'and is shown').toContain(line);
  });
});

test('every command has an example', async () => {
  const [, listed = ''] = (await help()).split('Commands:\n');
  const names = [...listed.matchAll(/^ {2}([a-z-]+) /gm)].map(([, name = '']) => name).filter((name) => name !== 'help');
  expect(names.length).toBeGreaterThan(20);
  for (const name of names) expect(await help(name), name).toMatch(/^Examples:\n {2}\S/m);
}, 60_000);

test.each(['completion', 'mock-tee', 'verify'])('assay help %s shows its examples too', async (name) => {
  const io = transcript({ cwd: '/', now: FAKE_NOW });
  await run(['help', name], io);
  expect(io.out()).toContain(`Examples:\n  ${EXAMPLES[name]?.[0]?.[0]}\n`);
});

test('help fits a terminal', async () => {
  for (const name of Object.keys(EXAMPLES).filter((each) => each !== 'completion')) {
    const shown = await help(name);
    for (const line of shown.split('\n')) expect(line.length, line).toBeLessThanOrEqual(100);
  }
  for (const line of (await help()).split('\n')) expect(line.length, line).toBeLessThanOrEqual(88);
});
