/**
 * What a command line may be pointed at: pipes, devices, endless input, loops of links, and files that grow when they are read. Every
 * command that reads refuses with a code, at once, and in bounded memory. One process runs all commands on one kind of input, in turn:
 * its largest size bounds each of them, and no command may leave memory to the next.
 */

import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
/** Writes the largest resident size, in MiB, as the last line of standard error. */
const REPORT = 'process.on("exit",()=>process.stderr.write("\\nrss "+(process.resourceUsage().maxRSS>>10)))';
/** Runs each command line of its argument; writes how each ended, and the largest resident size until then, as a line of JSON. */
const RUN_EACH = `
import { processIo } from ${JSON.stringify(new URL('io.ts', import.meta.url).href)};
import { run } from ${JSON.stringify(new URL('program.ts', import.meta.url).href)};
for (const args of JSON.parse(process.argv[1])) {
  let said = '';
  const stderr = { value: (text) => { said += text; } };
  const status = await run(args, Object.create(processIo(), { stdout: { value: () => undefined }, stderr }));
  const [, code = null] = /\\[([a-z0-9/-]+)\\]\\n/.exec(said) ?? [];
  console.log(JSON.stringify({ status, code, rssMiB: process.resourceUsage().maxRSS >> 10 }));
  globalThis.gc();
}
`;
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

/** The command itself, with a file as its standard input. */
function assay(args: readonly string[], input: string): Promise<Ended> {
  const child = start(['--import', `data:text/javascript,${encodeURIComponent(REPORT)}`, MAIN, ...args]);
  const late = setTimeout(() => child.kill(), SECONDS * 1000);
  child.stdin.on('error', () => undefined); // the command stops reading: that is the point
  createReadStream(input)
    .on('error', () => undefined)
    .pipe(child.stdin);
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += String(chunk);
  });
  return new Promise((resolve) => {
    child.on('close', (status) => {
      clearTimeout(late);
      const [, code = null] = /\[([a-z0-9/-]+)\]\n/.exec(said) ?? [];
      resolve({ status, code, rssMiB: Number(/rss (\d+)$/.exec(said)?.[1] ?? Number.NaN) });
    });
  });
}

/** How each command line ended; fewer than were asked for when one of them did not end in time, or ended the process. */
async function each(lines: readonly (readonly string[])[]): Promise<readonly Ended[]> {
  const child = start(['--expose-gc', '--input-type=module', '-e', RUN_EACH, JSON.stringify(lines)]);
  child.stdin.end();
  child.stderr.resume();
  const late = setTimeout(() => child.kill(), SECONDS * 1000);
  const ended: Ended[] = [];
  for await (const line of createInterface(child.stdout)) {
    late.refresh();
    ended.push(JSON.parse(line) as Ended);
  }
  clearTimeout(late);
  return ended;
}

function start(args: readonly string[]): ChildProcessByStdio<Writable, Readable, Readable> {
  return spawn(process.execPath, ['--conditions=@assay/source', ...args], {
    cwd,
    env: { PATH: process.env.PATH, HOME: cwd, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE },
    stdio: ['pipe', 'pipe', 'pipe'],
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
  const UNREADABLE = { status: 1, code: 'cli/file-unreadable' };

  it.each(['pipe', 'zero', 'loop', 'linked-pipe'])('%s', { timeout: 240_000 }, async (path) => {
    const lines = [...READERS, RUN_INPUT].map(([, , argsOf]) => argsOf(path));
    expect((await each(lines)).map(({ status, code }, at) => ({ line: lines[at], status, code }))).toEqual(
      lines.map((line) => ({ line, ...UNREADABLE })),
    );
  });

  it('in a folder of companions', { timeout: 60_000 }, async () => {
    const folders = [
      ['links of a folder to itself', 'self', 'cli/bad-option'],
      ['a link that leads back', 'two', 'cli/bad-option'],
      ['a pipe', 'with-pipe', 'cli/file-unreadable'],
      ['a loop of links', 'with-loop', 'cli/file-unreadable'],
      ['a device', 'with-device', 'cli/file-unreadable'],
    ] as const;
    const ended = await each(folders.map(([, folder]) => ['verify', 'ok.json', '--collateral', folder]));
    expect(folders.map(([what], at) => [what, ended[at]?.status, ended[at]?.code])).toEqual(
      folders.map(([what, , code]) => [what, 1, code]),
    );
  });

  it('standard input without end, of the command itself', { timeout: 60_000 }, async () => {
    const { rssMiB, ...ended } = await assay(['verify', '-'], '/dev/zero');
    expect(ended).toEqual({ status: 2, code: 'cli/input-too-large' });
    expect(rssMiB).toBeLessThan(RSS_MIB);
  });
});

describe('60 MiB of anything, and as much as is read to the end, stay below 320 MiB of memory', () => {
  it.each(Object.keys(CONTENTS))('%s', { timeout: 240_000 }, async (name) => {
    const lines = READERS.flatMap(([reader, mostMiB, argsOf]) =>
      [...new Set(reader === 'verify' ? [60, mostMiB] : [mostMiB])].map((mib) => argsOf(`${mib}-${name}`)),
    );
    const ended = await each(lines);
    expect(ended).toHaveLength(lines.length);
    for (const [at, { status, rssMiB }] of ended.entries())
      expect(status !== null && status < 7 && rssMiB < RSS_MIB, `${lines[at]?.join(' ')}: exit ${status}, ${rssMiB} MiB`).toBe(
        true,
      );
  });
});
