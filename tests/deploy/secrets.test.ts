/** Keys and data of an operator reach neither a commit nor an image of Docker, and a build of one platform leaves the tree clean for the next. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { matchesGlob } from 'node:path';
import { expect, it, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url).pathname;
const linesOf = (path: string): readonly string[] =>
  readFileSync(`${ROOT}${path}`, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

const PATTERNS = linesOf('.dockerignore');

/** Docker leaves a path out when a pattern fits it or a folder above it. */
function staysOut(path: string): boolean {
  const parts = path.split('/');
  return parts.some((_, index) => PATTERNS.some((pattern) => matchesGlob(parts.slice(0, index + 1).join('/'), pattern)));
}

const SECRETS = [
  '.env',
  'deploy/docker/.env',
  '.env.production',
  '.assay/log-key.json',
  'packages/agent/.assay/data-key.json',
  'deploy/nitro/keys.env',
  'deploy/gramine/data/log-key.json',
];

test.each([
  ...SECRETS,
  '.git/config',
  'node_modules/.bin/tsc',
  'packages/agent/dist/main.js',
  'packages/agent/dist/.tsbuildinfo',
])('docker does not send %s', (path) => {
  expect(staysOut(path)).toBe(true);
});

test('docker sends what the Dockerfile copies from the checkout, and the Dockerfile copies nothing wholesale', () => {
  const copies = linesOf('deploy/docker/Dockerfile').filter((line) => line.startsWith('COPY '));
  const sources = (lines: readonly string[]): readonly string[] =>
    lines.flatMap((line) => line.split(' ').slice(1, -1)).filter((word) => !word.startsWith('--'));
  const sent = sources(copies.filter((line) => !line.includes('--from=')));
  expect(sent).toContain('packages');
  expect(sent.filter((source) => /^\.?\/?$/.test(source) || staysOut(source))).toEqual([]);
  expect(sources(copies.filter((line) => line.includes('--from=build')))).toEqual([
    '/assay/package.json',
    '/assay/node_modules',
    '/assay/packages',
  ]);
  for (const path of ['packages/agent/src/main.ts', 'packages/sandbox/runners/landlock.py', 'tools/prepare.mjs'])
    expect(staysOut(path)).toBe(false);
});

test('what git ignores, docker does not send', () => {
  const wanted = linesOf('.gitignore').map((line) => {
    const plain = line.replace(/\/$/, '');
    return plain.startsWith('/') || plain.includes('/') ? plain.replace(/^\//, '') : `**/${plain}`;
  });
  expect(wanted.filter((pattern) => !PATTERNS.includes(pattern))).toEqual([]);
});

it.each([
  'deploy/nitro/keys.env',
  'deploy/gramine/assay.manifest',
  'deploy/gramine/assay.manifest.sgx',
  'deploy/gramine/assay.sig',
  'deploy/gramine/data/log-key.json',
])('git ignores %s', (path) => {
  expect(spawnSync('git', ['check-ignore', '--quiet', '--no-index', path], { cwd: ROOT }).status).toBe(0);
});

it('git keeps the template of the Gramine manifest', () => {
  const { status } = spawnSync('git', ['check-ignore', '--quiet', '--no-index', 'deploy/gramine/assay.manifest.template'], {
    cwd: ROOT,
  });
  expect(status).toBe(1);
});
