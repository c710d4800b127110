/** Archives in which evidence and companions travel: gzip and tar are opened here, so that every command sees the files inside. */

import { gunzipSync } from 'node:zlib';
import type { EndorsementFile } from '@assay/attestation';
import { Budget } from '@assay/encoding/budget';

const MAX_BYTES = 64 * 1024 * 1024;
const MAX_MEMBERS = 1024;
const BLOCK = 512; // bytes
const GZIP = [0x1f, 0x8b, 0x08];
/** Regular files: `0`, or nothing in old archives. */
const REGULAR = [0x30, 0x00];

/** What archives may unpack to, all of one command together: a gzip file holds up to a thousand times its size. */
function unpackedBudget(): Budget {
  return new Budget({ name: 'bytes unpacked from archives', limit: MAX_BYTES });
}

/** The content of a gzip file; other files, and those that hold more than any evidence, as they are. */
export function openGzip(bytes: Uint8Array, unpacked = unpackedBudget()): Uint8Array {
  if (!GZIP.every((byte, index) => bytes[index] === byte) || unpacked.left === 0) return bytes;
  try {
    const content = new Uint8Array(gunzipSync(bytes, { maxOutputLength: unpacked.left }));
    unpacked.reserve(content.length);
    return content;
  } catch {
    return bytes; // named for what it is by the next reader
  }
}

/**
 * Each file, or the regular files of a tar archive by their base names; gzip around either is taken off.
 * @example collectEndorsements(openArchives(await readCompanions(io, paths)))
 */
export function openArchives(files: readonly EndorsementFile[]): readonly EndorsementFile[] {
  const unpacked = unpackedBudget();
  return files.flatMap((file) => {
    const bytes = openGzip(file.bytes, unpacked);
    return (isTar(bytes) ? tarMembers(bytes, unpacked) : null) ?? [{ name: file.name, bytes }];
  });
}

function isTar(bytes: Uint8Array): boolean {
  return bytes.length >= BLOCK && text(bytes, 257, 5) === 'ustar';
}

/** `null` when lengths lie. Names longer than a header are not needed: files are told apart by content. */
function tarMembers(bytes: Uint8Array, unpacked: Budget): readonly EndorsementFile[] | null {
  const members: EndorsementFile[] = [];
  for (let at = 0; at + BLOCK <= bytes.length && bytes[at] !== 0; ) {
    const size = Number.parseInt(text(bytes, at + 124, 12).trim() || '0', 8);
    const end = at + BLOCK + size;
    if (!Number.isSafeInteger(size) || size < 0 || end > bytes.length) return null;
    const name = text(bytes, at, 100).split('/').at(-1) ?? '';
    if (REGULAR.includes(bytes[at + 156] ?? -1) && !name.startsWith('.'))
      members.push({ name, bytes: openGzip(bytes.subarray(at + BLOCK, end), unpacked) });
    if (members.length > MAX_MEMBERS) return null;
    at = at + BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return members.length === 0 ? null : members;
}

/** ASCII up to the first zero. */
function text(bytes: Uint8Array, at: number, length: number): string {
  return new TextDecoder('latin1').decode(bytes.subarray(at, at + length)).replace(/\0[\s\S]*$/, '');
}
