/** Room on a disk: asked before work begins, and told apart from other faults when it ends in the middle. */

import { statfs } from 'node:fs/promises';
import { ServerError } from '../../../errors.ts';

/** Left free for everything else, bytes. */
const MARGIN = 64 * 1024 * 1024;

export type FreeBytes = (directory: string) => Promise<number>;

/** Bytes that this user may still write there. */
export const freeBytes: FreeBytes = async (directory) => {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
};

/** @throws {ServerError} `model/disk-full`. */
export async function needRoom(directory: string, bytes: number, free: FreeBytes = freeBytes): Promise<void> {
  const available = await free(directory);
  const needed = Math.max(0, bytes) + MARGIN;
  if (available >= needed) return;
  const message = `expected ${megabytes(needed)} free in ${directory}, got ${megabytes(available)}; make room, or set ASSAY_DATA_DIR`;
  throw new ServerError('model/disk-full', message);
}

/** The error of a write, with a code of ours when the disk is full. */
export function writeFault(cause: unknown, directory: string): unknown {
  const { code } = cause as { readonly code?: unknown };
  if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'EFBIG') return cause;
  return new ServerError('model/disk-full', `the disk of ${directory} is full; make room, or set ASSAY_DATA_DIR`, { cause });
}

/** `469 MB`, in mebibytes as download tools count. */
export function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 / 1024)} MB`;
}
