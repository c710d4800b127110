/** Hints name commands as the person can type them: after npx, with npx. Nothing but hints is touched. */

import { FAKE_NOW, transcript } from '@assay/testing';
import { afterEach, expect, test, vi } from 'vitest';
import { processIo } from './io.ts';
import { run } from './program.ts';
import { asStarted } from './started-as.ts';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

test.each<[string, string | undefined, string, string]>([
  ['on the path', undefined, 'hint: assay model fetch brings one\n', 'hint: assay model fetch brings one\n'],
  ['by npx', 'exec', 'hint: assay model fetch brings one\n', 'hint: npx assay model fetch brings one\n'],
  [
    'by a script of npm',
    'run-script',
    'hint: try assay doctor; assay serve\n',
    'hint: try npx assay doctor; npx assay serve\n',
  ],
  ['with the form that works', 'exec', 'hint: npx assay ask\n', 'hint: npx assay ask\n'],
  ['broken over two lines', 'exec', 'hint: it is assay\n      verify FILE\n', 'hint: it is npx assay\n      verify FILE\n'],
  ['the words of an error', 'exec', 'error: no assay run here [x]\n', 'error: no assay run here [x]\n'],
  [
    'an error with its hint',
    'exec',
    'error: assay run [x]\nhint: assay run X\n',
    'error: assay run [x]\nhint: npx assay run X\n',
  ],
  ['other words', 'exec', 'hint: a fault in assay itself; .assay/runs\n', 'hint: a fault in assay itself; .assay/runs\n'],
])('%s', (_, npm, text, shown) => {
  expect(asStarted(text, { npm_command: npm })).toBe(shown);
});

test('every command that the program lists is known', async () => {
  const io = transcript({ cwd: '/', now: FAKE_NOW });
  await run(['--help'], io);
  const commands = [...io.out().matchAll(/^ {2}([a-z][a-z-]+) /gm)]
    .map(([, name = '']) => name)
    .filter((name) => name !== 'help');
  expect(commands.length).toBeGreaterThan(30);
  for (const name of commands)
    expect(asStarted(`hint: assay ${name} X`, { npm_command: 'exec' })).toBe(`hint: npx assay ${name} X`);
});

test('the process writes its hints so', () => {
  vi.stubEnv('npm_command', 'exec');
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  processIo().stderr('hint: assay doctor says more\n');
  expect(write).toHaveBeenCalledWith('hint: npx assay doctor says more\n');
});
