/** Initial ramdisks: cpio "newc" archives (Linux, Documentation/driver-api/early-userspace/buffer-format.rst), the same bytes every time. */

import type { Entry } from './entries.ts';

const TYPES = { file: 0o100000, folder: 0o040000, link: 0o120000 } as const;

/** @param time epoch seconds of every entry. */
export function writeCpio(entries: readonly Entry[], time: number): Uint8Array {
  const parts = entries.flatMap((entry, index) => {
    const content = entry.kind === 'link' ? Buffer.from(entry.target) : entry.bytes;
    const links = entry.kind === 'folder' ? 2 : 1;
    return record(entry.path, content, { inode: index + 1, mode: TYPES[entry.kind] | entry.mode, links, time });
  });
  return Buffer.concat([...parts, ...record('TRAILER!!!', new Uint8Array(0), { inode: 0, mode: 0, links: 1, time: 0 })]);
}

interface Fields {
  readonly inode: number;
  readonly mode: number;
  readonly links: number;
  readonly time: number;
}

function record(path: string, content: Uint8Array, { inode, mode, links, time }: Fields): readonly Uint8Array[] {
  const name = Buffer.from(`${path}\0`);
  const numbers = [inode, mode, 0, 0, links, time, content.length, 0, 0, 0, 0, name.length, 0];
  const head = Buffer.from(`070701${numbers.map((value) => value.toString(16).padStart(8, '0')).join('')}`);
  return [head, name, gap(head.length + name.length), content, gap(content.length)];
}

function gap(length: number): Uint8Array {
  return new Uint8Array((4 - (length % 4)) % 4);
}
