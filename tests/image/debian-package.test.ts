/** Where the image gets Debian's packages: its cache, apt, or Debian's mirror on a machine without apt. The pin's digest decides in each case. */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const SOURCE = new URL('../../image/debian.ts', import.meta.url).href;
const CONTENT = 'a package';
const PIN = {
  name: 'libcap2',
  version: '1:2.66-4+b1',
  file: 'pool/main/libc/libcap2/libcap2_2.66-4+b1_amd64.deb',
  sha256: createHash('sha256').update(CONTENT).digest('hex'),
  for: 'every image',
  take: [],
};

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'assay-debian-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A mirror with this content under the address of the pin. @returns its address, and what it was asked for. */
async function mirror(content: string): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    asked.push(url);
    const there = url === '/debian/pool/main/libc/libcap2/libcap2_2.66-4%2bb1_amd64.deb';
    response.writeHead(there ? 200 : 404).end(there ? content : 'none');
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/debian`, asked };
}

/** Asks for the package in a process of its own, because the download blocks. `apt` is the body of a stand-in of apt-get. */
function fetched(cache: string, url: string, apt: string, pin = PIN): Promise<string> {
  const bin = folder();
  writeFileSync(join(bin, 'apt-get'), `#!/bin/sh\n${apt}\n`);
  chmodSync(join(bin, 'apt-get'), 0o755);
  const program = `const { debianPackage } = await import(process.argv[1]);
    const [, , pin, cache, mirror] = process.argv;
    try { console.log(Buffer.from(debianPackage(JSON.parse(pin), cache, mirror)).toString()); } catch (error) { console.log(error.message); }`;
  const args = ['--conditions=@assay/source', '--input-type=module', '-e', program, SOURCE, JSON.stringify(pin), cache, url];
  const child = spawn(process.execPath, args, {
    env: { PATH: `${bin}:${process.env.PATH}`, no_proxy: '127.0.0.1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  return new Promise((resolve) => child.once('close', () => resolve(said.trim())));
}

test.each([
  ['has no apt of that release', 'exit 100'],
  ['has no apt', 'exit 127'],
])('a machine that %s takes the package from the mirror, and from its cache the next time', async (_name, apt) => {
  const [cache, { url, asked }] = [join(folder(), 'cache'), await mirror(CONTENT)];
  expect(await fetched(cache, url, apt)).toBe(CONTENT);
  expect(readdirSync(cache)).toEqual(['libcap2_2.66-4+b1_amd64.deb']);
  expect(await fetched(cache, url, apt)).toBe(CONTENT);
  expect(asked).toHaveLength(1);
});

test('a package of apt, under the name that apt gives it, is taken without the mirror', async () => {
  const { url, asked } = await mirror(CONTENT);
  expect(await fetched(folder(), url, `printf '${CONTENT}' > 'libcap2_1%3a2.66-4+b1_amd64.deb'`)).toBe(CONTENT);
  expect(asked).toEqual([]);
});

test('another package under the same name is refused, wherever it came from', async () => {
  const { url } = await mirror('another package');
  expect(await fetched(folder(), url, 'exit 100')).toMatch(
    /^expected libcap2 with SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}; remove /,
  );
});

test('a package that is nowhere leaves no file, and the error says where to get it', async () => {
  const cache = folder();
  mkdirSync(cache, { recursive: true });
  const { url } = await mirror(CONTENT);
  const said = await fetched(cache, url, 'exit 100', { ...PIN, file: 'pool/gone_1_amd64.deb' });
  expect(said).toContain(`got nothing from apt or ${url}; put gone_1_amd64.deb of snapshot.debian.org into ${cache}`);
  expect(existsSync(join(cache, 'gone_1_amd64.deb.part'))).toBe(false);
  expect(readdirSync(cache)).toEqual([]);
});
