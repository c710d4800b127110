/** Tar archives (POSIX.1-2001, ustar with pax headers for long names): written the same way every time, and read as far as packages need. */

import { gunzipSync } from 'node:zlib';
import { type Entry, file, folder, link } from './entries.ts';

const BLOCK = 512;
const TYPES = { file: '0', link: '2', folder: '5' } as const;

/** @param time epoch seconds of every entry. */
export function writeTar(entries: readonly Entry[], time: number): Uint8Array {
  const parts = entries.flatMap((entry) => {
    const path = entry.kind === 'folder' ? `${entry.path}/` : entry.path;
    const long = [
      ...(Buffer.byteLength(path) > 100 ? [record('path', path)] : []),
      ...(Buffer.byteLength(entry.target) > 100 ? [record('linkpath', entry.target)] : []),
    ].join('');
    const own = header(path, entry.target, { type: TYPES[entry.kind], mode: entry.mode, size: entry.bytes.length, time });
    if (long === '') return [own, padded(entry.bytes)];
    const pax = new TextEncoder().encode(long);
    return [header('pax', '', { type: 'x', mode: 0o644, size: pax.length, time }), padded(pax), own, padded(entry.bytes)];
  });
  return Buffer.concat([...parts, new Uint8Array(2 * BLOCK)]);
}

function record(name: string, value: string): string {
  const rest = ` ${name}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  const length = bytes + String(bytes + String(bytes).length).length;
  return `${length}${rest}`;
}

interface HeaderFields {
  readonly type: string;
  readonly mode: number;
  readonly size: number;
  readonly time: number;
}

function header(path: string, target: string, { type, mode, size, time }: HeaderFields): Uint8Array {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;
  block.write(path, 0, 100, 'utf8');
  block.write(octal(mode, 8) + octal(0, 8) + octal(0, 8) + octal(size, 12) + octal(time, 12), 100, 'latin1');
  block.write(`        ${type}`, 148, 'latin1');
  block.write(target, 157, 100, 'utf8');
  block.write('ustar\0' + '00', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function padded(bytes: Uint8Array): Uint8Array {
  const rest = bytes.length % BLOCK;
  return rest === 0 ? bytes : Buffer.concat([bytes, new Uint8Array(BLOCK - rest)]);
}

/** @throws Error for an archive that ends too early. */
export function readTar(archive: Uint8Array): readonly Entry[] {
  const bytes = Buffer.from(archive[0] === 0x1f && archive[1] === 0x8b ? gunzipSync(archive) : archive);
  const entries: Entry[] = [];
  let longPath: string | null = null;
  let longTarget: string | null = null;
  for (let at = 0; at + BLOCK <= bytes.length && bytes[at] !== 0; ) {
    const text = (from: number, length: number): string =>
      bytes
        .subarray(at + from, at + from + length)
        .toString('utf8')
        .replace(/\0.*$/s, '');
    const size = Number.parseInt(text(124, 12).trim() || '0', 8);
    const content = bytes.subarray(at + BLOCK, at + BLOCK + size);
    if (content.length !== size) throw new Error('expected a whole archive, got one that ends early; fetch it again');
    const type = text(156, 1);
    const prefix = text(345, 155);
    const path = (longPath ?? (prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`))
      .replace(/^\.?\/+/, '')
      .replace(/\/+$/, '');
    const target = longTarget ?? text(157, 100);
    if (type === 'x') {
      const fields = content.toString('utf8');
      longPath = /(?:^|\n)\d+ path=([^\n]*)\n/.exec(fields)?.[1] ?? null;
      longTarget = /(?:^|\n)\d+ linkpath=([^\n]*)\n/.exec(fields)?.[1] ?? null;
    } else if (type === 'L') longPath = content.toString('utf8').replace(/\0+$/, '');
    else {
      const mode = Number.parseInt(text(100, 8).trim() || '0', 8);
      if (path !== '') {
        if (type === '5') entries.push(folder(path));
        else if (type === '2') entries.push(link(path, target));
        else if (type === '1') entries.push(link(path, `/${target.replace(/^\.?\/+/, '')}`));
        else if (type === '0' || type === '') entries.push(file(path, content, (mode & 0o111) === 0 ? 0o644 : 0o755));
      }
      [longPath, longTarget] = [null, null];
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return entries;
}
