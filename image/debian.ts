/** Files out of Debian packages (deb(5): an ar archive that holds data.tar.xz), each package pinned by SHA-256 in pins.json. */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, join, posix } from 'node:path';
import { type Entry, file, link } from './entries.ts';
import { readTar } from './tar.ts';

export interface DebianPin {
  readonly name: string;
  readonly version: string;
  /** Path below the mirror. */
  readonly file: string;
  readonly sha256: string;
  /** `every image`, or `enclave`: only where AWS's blobs make one. */
  readonly for: string;
  /** What the image takes of it; a link brings its target along. */
  readonly take: readonly string[];
}

/** Debian's mirror, for machines without apt or with another release than the pins'. */
const MIRROR = 'https://deb.debian.org/debian';

/**
 * The package of a pin: out of `cache`, else through apt, else from `mirror`. The digest of the pin decides, not where the package came from.
 * @throws Error when it cannot be had, or is another one.
 */
export function debianPackage(pin: DebianPin, cache: string, mirror: string = MIRROR): Uint8Array {
  mkdirSync(cache, { recursive: true });
  // apt writes the colon of an epoch as %3a.
  const names = [basename(pin.file), `${pin.name}_${pin.version.replaceAll(':', '%3a')}_amd64.deb`];
  const find = (): string | undefined => names.map((name) => join(cache, name)).find(existsSync);
  if (find() === undefined)
    spawnSync('apt-get', ['download', '-qq', `${pin.name}=${pin.version}`], { cwd: cache, stdio: 'ignore' });
  if (find() === undefined) download(`${mirror}/${pin.file.replaceAll('+', '%2b')}`, join(cache, basename(pin.file)));
  const path = find();
  if (path === undefined)
    throw new Error(
      `expected ${pin.name} ${pin.version}, got nothing from apt or ${mirror}; put ${names[0]} of snapshot.debian.org into ${cache}`,
    );
  const bytes = readFileSync(path);
  const digest = createHash('sha256').update(bytes).digest('hex');
  if (digest === pin.sha256) return bytes;
  throw new Error(`expected ${pin.name} with SHA-256 ${pin.sha256}, got ${digest}; remove ${path} and fetch it again`);
}

/** Leaves no file when the address cannot be read. */
function download(url: string, path: string): void {
  const part = `${path}.part`;
  const args = ['--fail', '--silent', '--location', '--max-time', '300', '--output', part, url];
  const { status } = spawnSync('curl', args, { stdio: 'ignore' });
  if (status === 0) renameSync(part, path);
  else rmSync(part, { force: true });
}

/** The files that a pin takes, where the merged `/usr` has them. @throws Error for one that is not in the package. */
export function filesOf(pin: DebianPin, bytes: Uint8Array): readonly Entry[] {
  const content = new Map(readTar(dataOf(bytes)).map((entry) => [entry.path, entry]));
  return pin.take.flatMap((path) => {
    const entry = content.get(path);
    if (entry === undefined) throw new Error(`expected ${path} in ${pin.name}, got none; mend image/pins.json`);
    if (entry.kind !== 'link') return [file(merged(path), entry.bytes, entry.mode)];
    const target = posix.join(posix.dirname(path), entry.target);
    const real = content.get(target);
    const own = link(merged(path), entry.target);
    if (pin.take.includes(target)) return [own];
    if (real?.kind !== 'file') throw new Error(`expected ${target} in ${pin.name}, got none; mend image/pins.json`);
    return [own, file(merged(target), real.bytes, real.mode)];
  });
}

/** Debian's merged /usr: /bin, /sbin and /lib are links into it. */
function merged(path: string): string {
  return path.replace(/^(?:s?bin|lib)\//, (start) => `usr/${start === 'sbin/' ? 'bin/' : start}`);
}

function dataOf(bytes: Uint8Array): Uint8Array {
  const archive = Buffer.from(bytes);
  if (archive.subarray(0, 8).toString('latin1') !== '!<arch>\n')
    throw new Error('expected a Debian package, got something else');
  for (let at = 8; at + 60 <= archive.length; ) {
    const name = archive
      .subarray(at, at + 16)
      .toString('latin1')
      .trim()
      .replace(/\/$/, '');
    const size = Number(
      archive
        .subarray(at + 48, at + 58)
        .toString('latin1')
        .trim(),
    );
    const content = archive.subarray(at + 60, at + 60 + size);
    if (name.startsWith('data.tar')) return name.endsWith('.xz') ? unpacked(content) : content;
    at += 60 + size + (size % 2);
  }
  throw new Error('expected data.tar in a Debian package, got none');
}

function unpacked(content: Uint8Array): Uint8Array {
  const { status, stdout } = spawnSync('xz', ['-dc'], { input: content, maxBuffer: 512 * 1024 * 1024 });
  if (status !== 0) throw new Error('expected xz to unpack a Debian package, got an error; install xz-utils');
  return stdout;
}
