/** Reading /proc about processes that may be gone, may hide, and decide how long what is read gets. */

import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';

const STATUS_BYTES = 8192;

/** The first bytes of a file; empty when it cannot be opened. */
export function readStart(file: string, most: number): string {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch {
    return '';
  }
  try {
    const bytes = Buffer.allocUnsafe(most);
    let length = 0;
    for (let read = -1; read !== 0 && length < most; length += read)
      read = readSync(descriptor, bytes, length, most - length, null);
    return bytes.toString('latin1', 0, length);
  } catch {
    return '';
  } finally {
    closeSync(descriptor);
  }
}

/** Where a link leads; empty when it cannot be read. */
export function targetOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Names in a folder; none when it cannot be listed. */
export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/**
 * True when the kernel does not let this process look into a living task: one that was started from a program that cannot be read. It
 * says the same of one that is just ending, which has no memory any more.
 */
export function hides(task: string): boolean {
  try {
    readlinkSync(`${task}/ns/net`);
    return false;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return (code === 'EACCES' || code === 'EPERM') && readStart(`${task}/status`, STATUS_BYTES).includes('\nVmRSS:');
  }
}

/** A number of kilobytes from a list of `Name:  12 kB`, in bytes; 0 when it is not there. */
export function bytesOf(list: string, name: string): number {
  const at = `\n${list}`.indexOf(`\n${name}:`);
  return at === -1 ? 0 : Number.parseInt(list.slice(at + name.length + 1), 10) * 1024;
}
