/** Programs that audits run in the sandbox: made from lock files, held to pinned digests, when they are made and before they run. */

import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  installedProgram,
  installProgram,
  PROGRAMS,
  programFile,
} from '../../packages/agent/src/adapters/analyzer/bundled-program.ts';
import { analyzerFolder } from './installed.ts';

let directory = '';

beforeAll(async () => {
  directory = await analyzerFolder();
  await installProgram(directory, PROGRAMS.evm);
}, 600_000);

function place(): string {
  const at = mkdtempSync(join(tmpdir(), 'assay-program-test-'));
  onTestFinished(() => rmSync(at, { recursive: true, force: true }));
  return at;
}

describe.each(Object.entries(PROGRAMS))('%s', (_, program) => {
  it('is the pinned file, or none', () => {
    const bytes = readFileSync(join(directory, programFile(program)));
    expect(installedProgram(directory, program)).toBe(bytes.toString('utf8'));
    const at = place();
    expect(installedProgram(at, program)).toBeNull();
    mkdirSync(dirname(join(at, programFile(program))));
    writeFileSync(join(at, programFile(program)), `${bytes.toString('utf8')} `);
    expect(() => installedProgram(at, program)).toThrow(expect.objectContaining({ code: 'program/tampered' }));
  });
});

it('that is not the pinned one, such as that of an earlier version, is replaced by an installation', {
  timeout: 300_000,
}, async () => {
  const at = place();
  const file = join(at, programFile(PROGRAMS.solhint));
  mkdirSync(dirname(file));
  writeFileSync(file, 'an earlier one');
  expect(await installProgram(at, PROGRAMS.solhint)).toBe(PROGRAMS.solhint.name);
  expect(readFileSync(file)).toEqual(readFileSync(join(directory, programFile(PROGRAMS.solhint))));
});

it.each([
  [
    'program/download-failed',
    PROGRAMS.evm,
    'a lock file that is none',
    (at: string) => writeFileSync(join(at, 'package-lock.json'), '{}'),
  ],
  [
    'program/tampered',
    PROGRAMS.solhint,
    'another entry',
    (at: string) => appendFileSync(join(at, 'lint.js'), 'console.log(1);\n'),
  ],
])('%s, made from what was not pinned', async (code, program, _, change) => {
  const at = place();
  cpSync(new URL(`../../packages/agent/${program.folder}`, import.meta.url).pathname, at, { recursive: true });
  change(at);
  await expect(installProgram(join(at, 'data'), program, at)).rejects.toMatchObject({ code });
});
