/** The checkout's own programs say what they take: `--help` ends with 0, a call that does not fit with 2 and no stack, a failure with 1 and no stack. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url).pathname;
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};
/** `image` → `image/build.ts`: the scripts that start a program of this checkout. */
const PROGRAMS = Object.entries(scripts).flatMap(([name, line]) => {
  const file = /--conditions=@assay\/source (\S+\.ts)$/.exec(line)?.[1];
  return file === undefined ? [] : [{ name, file }];
});

function call(file: string, ...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--conditions=@assay/source', file, ...args], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

test('there are programs, and each of them reads its call through tools/program-options.ts under its own name', () => {
  expect(PROGRAMS.length).toBeGreaterThan(15);
  const silent = PROGRAMS.filter(({ name, file }) => {
    const sources = [file, file.replace('build.ts', 'build-options.ts')].map((each) => readFileSync(join(ROOT, each), 'utf8'));
    return !sources.some((text) => text.includes('programOptions(') && text.includes(`'npm run ${name}'`));
  });
  expect(silent).toEqual([]);
});

test.each([
  ['image/build.ts', '--blobs DIR'],
  ['image/check.ts', 'Takes some minutes'],
  ['image/measure.ts', '[DIR]'],
  ['image/sign.ts', '--key FILE'],
  ['bench/measure-eif.ts', '--runs N'],
])('%s', (file, words) => {
  expect(call(file, '--help')).toEqual({ status: 0, stdout: expect.stringMatching(/^Usage: npm run /), stderr: '' });
  expect(call(file, '--help').stdout).toContain(words);
  const misused = call(file, '--no-such-option');
  expect(misused).toMatchObject({ status: 2, stdout: '' });
  expect(misused.stderr).toMatch(
    /^error: npm run \S+: expected .*, got --no-such-option\nhint: npm run \S+ -- --help shows what it takes\n$/,
  );
});

test.each([
  ['image/build.ts', ['--blobs', 'none'], 2, 'expected DIR of --blobs to be there, got none'],
  ['image/build.ts', ['--settings', 'README.md'], 1, 'expected lines NAME=value in README.md'],
  ['image/sign.ts', ['build/image'], 2, 'expected --key FILE, got none'],
  ['image/sign.ts', ['docs', '--key', 'README.md'], 1, 'expected a private key in PEM'],
  ['image/sign.ts', ['docs', '--key', 'none.pem'], 1, 'cannot use none.pem: ENOENT'],
  ['image/measure.ts', ['docs'], 1, 'got no rootfs.tar'],
])('%s %j', (file, args, status, words) => {
  const { stderr, ...rest } = call(file, ...args);
  expect(rest).toEqual({ status, stdout: '' });
  expect(stderr).toContain(words);
  expect(stderr).not.toMatch(/^ {4}at /m);
});
