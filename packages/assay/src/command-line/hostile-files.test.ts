/**
 * What a command line may be pointed at: pipes, devices, endless input, loops of links, and files that grow when they are read. Every
 * command that reads refuses with a code, at once, and in bounded memory. Each case is a process of its own.
 */

import { execFileSync, spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
/** Writes the largest resident size, in MiB, as the last line of standard error. */
const REPORT = 'process.on("exit",()=>process.stderr.write("\\nrss "+(process.resourceUsage().maxRSS>>10)))';
const RSS_MIB = 320;
const SECONDS = 30;
const MIB = 1024 * 1024;

let cwd = '';

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'assay-hostile-'));
  execFileSync('mkfifo', [join(cwd, 'pipe')]);
  await symlink('/dev/zero', join(cwd, 'zero'));
  await symlink('loop', join(cwd, 'loop'));
  await symlink('pipe', join(cwd, 'linked-pipe'));
  for (const folder of ['self', 'with-pipe', 'with-loop', 'with-device', 'two']) await mkdir(join(cwd, folder));
  for (let i = 0; i < 30; i++) await symlink('.', join(cwd, 'self', `l${i}`));
  await symlink('../two', join(cwd, 'two', 'again'));
  await symlink('../pipe', join(cwd, 'with-pipe', 'x.crl'));
  await symlink('x.crl', join(cwd, 'with-loop', 'x.crl'));
  await symlink('/dev/zero', join(cwd, 'with-device', 'x.crl'));
  await writeFile(join(cwd, 'ok.json'), '{}');
  for (const [name, piece] of Object.entries(CONTENTS))
    for (const mib of new Set([60, ...READERS.map(([, most]) => most)]))
      await writeFile(
        join(cwd, `${mib}-${name}`),
        Buffer.alloc(mib * MIB, piece).fill(name.endsWith('.json') ? '[' : piece.charAt(0), 0, 1),
      );
}, 60_000);

afterAll(() => rm(cwd, { recursive: true, force: true }));

/** Repeated to the end of the file. */
const CONTENTS: Readonly<Record<string, string>> = {
  'objects.json': '{},',
  'brackets.json': '[',
  'numbers.json': '0,',
  'zeros.txt': '0',
  'letters.txt': 'Ab+/',
  'lines.txt': '\n',
  'armour.txt': '-----BEGIN A-----\n',
  'markup.txt': '<a>',
  'cbor.bin': '\x81',
  'der.bin': '\x30\x80',
};

interface Ended {
  readonly status: number | null;
  readonly code: string | null;
  readonly rssMiB: number;
}

function assay(args: readonly string[], input?: string): Promise<Ended> {
  const child = spawn(
    process.execPath,
    ['--conditions=@assay/source', '--import', `data:text/javascript,${encodeURIComponent(REPORT)}`, MAIN, ...args],
    {
      cwd,
      env: { PATH: process.env.PATH, HOME: cwd, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE },
      stdio: ['pipe', 'ignore', 'pipe'],
      timeout: SECONDS * 1000,
    },
  );
  child.stdin.on('error', () => undefined); // the command stops reading: that is the point
  if (input === undefined) child.stdin.end();
  else
    createReadStream(input)
      .on('error', () => undefined)
      .pipe(child.stdin);
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += String(chunk);
  });
  return new Promise((resolve) => {
    child.on('close', (status) => {
      const [, code = null] = /\[([a-z0-9/-]+)\]\n/.exec(said) ?? [];
      resolve({ status, code, rssMiB: Number(/rss (\d+)$/.exec(said)?.[1] ?? Number.NaN) });
    });
  });
}

/** Each way to name a file, with the MiB that it takes to the end. */
const READERS: readonly (readonly [string, number, (path: string) => readonly string[]])[] = [
  ['verify', 8, (path) => ['verify', path]],
  ['verify --collateral', 8, (path) => ['verify', 'ok.json', '--collateral', path]],
  ['verify --policy', 4, (path) => ['verify', 'ok.json', '--policy', path]],
  ['verify --root', 4, (path) => ['verify', 'ok.json', '--root', path]],
  ['verify --verify-code', 4, (path) => ['verify', 'ok.json', '--verify-code', path]],
  ['inspect', 8, (path) => ['inspect', path]],
  ['replay', 60, (path) => ['replay', path]],
  ['collateral fetch', 8, (path) => ['collateral', 'fetch', path, '--offline']],
  ['collateral pack', 8, (path) => ['collateral', 'pack', path]],
  ['policy init', 8, (path) => ['policy', 'init', '--from', path]],
  ['policy explain', 4, (path) => ['policy', 'explain', path]],
  ['policy from-provenance', 4, (path) => ['policy', 'from-provenance', path, '--identity', 'x']],
];
const RUN_INPUT = ['run --file', 0, (path: string) => ['run', 'x', '--file', path, '--url', 'http://127.0.0.1:1']] as const;

describe.skipIf(process.platform === 'win32')('what is no file is refused, not read', () => {
  it.each([...READERS, RUN_INPUT])('%s', { timeout: 240_000 }, async (_, __, argsOf) => {
    for (const path of ['pipe', 'zero', 'loop', 'linked-pipe'])
      expect(await assay(argsOf(path)), path).toMatchObject({ status: 1, code: 'cli/file-unreadable' });
  });

  it.each([
    ['links of a folder to itself', 'self', 'cli/bad-option'],
    ['a link that leads back', 'two', 'cli/bad-option'],
    ['a pipe', 'with-pipe', 'cli/file-unreadable'],
    ['a loop of links', 'with-loop', 'cli/file-unreadable'],
    ['a device', 'with-device', 'cli/file-unreadable'],
  ])('a folder of companions with %s', { timeout: 60_000 }, async (_, folder, code) => {
    expect(await assay(['verify', 'ok.json', '--collateral', folder])).toMatchObject({ status: 1, code });
  });

  it('standard input without end', { timeout: 60_000 }, async () => {
    const { rssMiB, ...ended } = await assay(['verify', '-'], '/dev/zero');
    expect(ended).toEqual({ status: 2, code: 'cli/input-too-large' });
    expect(rssMiB).toBeLessThan(RSS_MIB);
  });
});

describe('60 MiB of anything, and as much as is read to the end, stay below 320 MiB of memory', () => {
  it.each(Object.keys(CONTENTS))('%s', { timeout: 240_000 }, async (name) => {
    for (const [reader, mostMiB, argsOf] of READERS)
      for (const mib of new Set(reader === 'verify' ? [60, mostMiB] : [mostMiB])) {
        const path = `${mib}-${name}`;
        const { status, rssMiB } = await assay(argsOf(path));
        expect(status !== null && status < 7 && rssMiB < RSS_MIB, `${reader} ${path}: exit ${status}, ${rssMiB} MiB`).toBe(
          true,
        );
      }
  });
});
