/**
 * The memory snapshot of the Python interpreter: made once for each version of its parts, kept in the data directory, checked by
 * hash before it is used. It takes the start of Python from two seconds to a third of one. The bytes are the same on every machine.
 */

import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SandboxError } from '../errors.ts';
import { sha256 } from './checked-job.ts';
import { type GuestProcess, lastWords } from './guest-process.ts';
import { MESSAGE } from './messages.ts';

const MAX_SNAPSHOT_BYTES = 128 * 1024 * 1024;
const TIMEOUT_MS = 60_000;
/** Of an interpreter that was ended from outside. */
const NO_WORDS = 'it took too long, or the system ended it, as it does when memory is short';

export interface Snapshot {
  readonly path: string;
  readonly sha256: string;
}

/** Where snapshots are: made in one directory, looked for in another as well. */
export interface SnapshotPlaces {
  readonly make: string;
  readonly also: string;
}

/**
 * Gives the snapshot for `key`, making it when it is not there or not whole.
 *
 * @param key hash over everything the snapshot is made of
 * @param start starts the guest that makes it
 * @throws {SandboxError} `sandbox/start-failed` when the interpreter does not start.
 */
export async function snapshotFor(places: SnapshotPlaces, key: string, start: () => GuestProcess): Promise<Snapshot> {
  const directory = places.make;
  const name = `python-${key.slice(0, 32)}.snapshot`;
  const path = join(directory, name);
  const kept = (await readKept(path)) ?? (await readKept(join(places.also, name)));
  if (kept !== null) return kept;
  const bytes = await makeSnapshot(start());
  const digest = sha256(bytes);
  await mkdir(directory, { recursive: true });
  for (const old of await readdir(directory)) {
    if (!old.startsWith(name) && /^python-[0-9a-f]{32}\.snapshot(\.sha256)?$/.test(old))
      await rm(join(directory, old), { force: true });
  }
  await replaceFile(path, bytes);
  await replaceFile(`${path}.sha256`, Buffer.from(digest));
  return { path, sha256: digest };
}

async function readKept(path: string): Promise<Snapshot | null> {
  try {
    const [bytes, wanted] = await Promise.all([readFile(path), readFile(`${path}.sha256`, 'latin1')]);
    return sha256(bytes) === wanted ? { path, sha256: wanted } : null;
  } catch {
    return null;
  }
}

async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const fresh = `${path}.${randomBytes(6).toString('hex')}.new`;
  await writeFile(fresh, bytes, { mode: 0o644 });
  await rename(fresh, path);
}

async function makeSnapshot(guest: GuestProcess): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  let complete = false;
  guest.listen((frame) => {
    if (frame.type === MESSAGE.snapshot) {
      size += frame.body.length;
      if (size > MAX_SNAPSHOT_BYTES) guest.kill();
      else chunks.push(frame.body.slice());
    }
    if (frame.type === MESSAGE.done) complete = true;
  });
  const timer = setTimeout(() => guest.kill(), TIMEOUT_MS);
  const exit = await guest.exited;
  clearTimeout(timer);
  if (!complete || size === 0) {
    throw new SandboxError(
      'sandbox/start-failed',
      `the Python interpreter did not start (${exit.signal ?? exit.code}): ${lastWords(exit.stderrTail) || NO_WORDS}; run assay doctor`,
    );
  }
  return Buffer.concat(chunks);
}
