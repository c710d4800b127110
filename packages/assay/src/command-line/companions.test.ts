/** What `assay verify` does with the files it is given as companions: archives are opened, and what no reader takes is named. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { encodePem } from '@assay/encoding/pem';
import { FAKE_NOW, fakeSnp, transcript } from '@assay/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openArchives } from './archive.ts';
import { run } from './program.ts';

let cwd = '';

/** One header and its content, as `tar` writes them. */
function tar(files: Readonly<Record<string, Uint8Array>>): Buffer {
  const parts = Object.entries(files).flatMap(([name, content]) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write('0', 156);
    header.write('ustar', 257);
    return [header, Buffer.from(content), Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'assay-companions-'));
  const { report, chain, root } = await fakeSnp();
  const [vcek = new Uint8Array(), ask = new Uint8Array()] = chain;
  const other = await fakeSnp({ extensions: { '4': new Uint8Array(64).fill(9) }, keyLabel: 'another chip' });
  await Promise.all(['certs', 'garbage', 'mixed'].map((folder) => mkdir(join(cwd, folder))));
  const files: Readonly<Record<string, string | Uint8Array>> = {
    'report.bin': report,
    'report.bin.gz': gzipSync(report),
    'root.pem': encodePem('CERTIFICATE', root.der),
    'certs/vcek.pem': encodePem('CERTIFICATE', vcek),
    'certs/ask.der': ask,
    'garbage/noise.bin': Uint8Array.from({ length: 300 }, (_, index) => (index * 7) ^ 0x55),
    'mixed/vcek.der': vcek,
    'mixed/ask.der': ask,
    'mixed/page.html': '<!DOCTYPE html><html>Not found</html>',
    'mixed/provider': 'sev_guest\n',
    'wrong.der': other.key,
    'certs.tar': tar({ 'certs/vcek.der': vcek, 'certs/ask.der': ask }),
    'certs.tar.gz': gzipSync(tar({ 'certs/vcek.der': vcek, 'certs/ask.der': ask })),
    'chain.der.gz': gzipSync(Buffer.concat([vcek, ask])),
    'certs.zip': Uint8Array.of(0x50, 0x4b, 3, 4, 20, 0),
  };
  await Promise.all(Object.entries(files).map(([name, content]) => writeFile(join(cwd, name), content)));
});

afterAll(() => rm(cwd, { recursive: true, force: true }));

async function verify(...args: readonly string[]) {
  const io = transcript({ cwd, now: FAKE_NOW });
  const code = await run(['verify', ...args, '--simulated-root', 'root.pem', '--offline'], io);
  return { code, text: io.out() + io.err() };
}

it.each(['certs', 'mixed', 'certs.tar', 'certs.tar.gz', 'chain.der.gz'])('the key is found in %s', async (path) => {
  expect(await verify('report.bin', '--collateral', path)).toMatchObject({ code: 0 });
});

it('evidence in gzip is opened', async () => {
  expect(await verify('report.bin.gz', '--collateral', 'certs')).toMatchObject({ code: 0 });
});

it.each([
  ['a folder of garbage', 'garbage', 'companion noise.bin: 300 bytes that begin'],
  ['a page that a server sent instead', 'mixed', 'companion page.html: an HTML page'],
  ['an archive of another kind', 'certs.zip', 'companion certs.zip: a zip archive; nothing was read from it; unpack it'],
])('%s is named', async (_, path, words) => {
  const { code, text } = await verify('report.bin', '--collateral', path);
  expect(text).toContain(words);
  expect(code).toBe(path === 'mixed' ? 0 : 4);
  expect(text).not.toContain('companion provider');
});

it('a pack says what it took nothing from', async () => {
  const io = transcript({ cwd, now: FAKE_NOW });
  expect(await run(['collateral', 'pack', 'mixed', '-o', 'pack.json'], io)).toBe(0);
  expect(io.err()).toMatch(/^! companion page\.html: an HTML page, .+; nothing was read from it; .+\n$/);
});

it('the key of a chip as the subject: the option that takes it', async () => {
  const { code, text } = await verify('certs/vcek.pem', '--collateral', 'certs/ask.der');
  expect([code, text]).toEqual([4, expect.stringMatching(/^hint: give the report as the subject, .*--collateral$/m)]);
});

it('the key of another chip alone leaves the verdict open, and is named', async () => {
  const { code, text } = await verify('report.bin', '--collateral', 'wrong.der');
  expect(code).toBe(4);
  expect(text).toMatch(/^CANNOT TELL/);
  expect(text).toContain('got that of another chip');
});

it('archives that lie about their lengths are files like any other', () => {
  const bytes = Buffer.from(tar({ 'a.der': new Uint8Array(10) }));
  bytes.write('77777777777\0', 124);
  expect(openArchives([{ name: 'x.tar', bytes }])).toEqual([{ name: 'x.tar', bytes }]);
  const half = gzipSync(new Uint8Array(1000)).subarray(0, 15);
  expect(openArchives([{ name: 'x.gz', bytes: half }])).toEqual([{ name: 'x.gz', bytes: half }]);
});

it('a bomb of archives is not unpacked beyond one bound for all', () => {
  const bomb = new Uint8Array(gzipSync(Buffer.alloc(30 << 20)));
  const opened = openArchives(Array.from({ length: 8 }, (_, index) => ({ name: `${index}.gz`, bytes: bomb })));
  expect(opened.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThan(65 << 20);
});

it('certificates that are missing, or for another chip: the command that gets them', async () => {
  for (const companions of [[], ['--collateral', 'wrong.der']]) {
    const { code, text } = await verify('report.bin', ...companions);
    expect([code, text]).toEqual([
      4,
      expect.stringMatching(/^hint: .*assay collateral fetch FILE -o collateral\.json gets .*--collateral collateral\.json/m),
    ]);
  }
});
