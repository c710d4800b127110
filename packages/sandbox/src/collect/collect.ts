/**
 * Collects what a job left behind, after its processes are dead. Every name, type and size in the directory is attacker input:
 * nothing is followed, nothing but plain files with one link is opened, bytes are counted as they are read, and whatever is
 * left out is listed with the reason.
 *
 * The walk goes through `/proc/self/fd`, so that each step is relative to a directory that is already open (openat semantics).
 */

import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, lstatSync, opendirSync, openSync, readSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import type { ExecutionLimits } from '@assay/receipt';
import { MAX_SKIPPED_FILES, pathDefect, SANDBOX_ROOT } from '../files.ts';
import { sniffMediaType } from '../media-type.ts';
import type { SandboxArtifact } from '../port.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const MAX_DEPTH = 8;
const MAX_ENTRIES = 10_000;
const YIELD_BYTES = 4 * 1024 * 1024;

export interface SkippedFile {
  readonly pathBase64: string;
  readonly reason: string;
}

export interface Collection {
  /** Sorted by path. */
  readonly artifacts: readonly SandboxArtifact[];
  readonly skipped: readonly SkippedFile[];
}

export interface CollectOptions {
  /** Descriptor of the directory that the code saw as `/tmp`. Stays open. */
  readonly directory: number;
  readonly limits: Pick<ExecutionLimits, 'artifacts' | 'fileBytes' | 'diskBytes'>;
  /** Inputs by path, with their SHA-256: an input that did not change is no artifact. */
  readonly inputs: ReadonlyMap<string, string>;
}

/**
 * Reads the plain files below the directory. Never throws for what the code did; a directory that cannot be read is skipped.
 *
 * @example
 * const { artifacts, skipped } = await collectArtifacts({ directory: fd, limits, inputs: new Map() });
 */
export async function collectArtifacts(options: CollectOptions): Promise<Collection> {
  const walk = new Walk(options);
  await walk.enter(options.directory, Buffer.alloc(0), 0);
  walk.artifacts.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { artifacts: walk.artifacts, skipped: walk.skipped };
}

class Walk {
  readonly artifacts: SandboxArtifact[] = [];
  readonly skipped: SkippedFile[] = [];
  readonly #options: CollectOptions;
  #entries = 0;
  #bytesLeft: number;
  #sinceYield = 0;

  constructor(options: CollectOptions) {
    this.#options = options;
    this.#bytesLeft = options.limits.diskBytes;
  }

  async enter(directory: number, path: Buffer, depth: number): Promise<void> {
    let names: Buffer[];
    try {
      names = this.#list(directory);
    } catch (error) {
      this.#skip(path, `cannot be listed (${codeOf(error)})`);
      return;
    }
    for (const name of names.sort(Buffer.compare)) {
      const whole = path.length === 0 ? name : Buffer.concat([path, Buffer.from('/'), name]);
      await this.#visit(directory, name, whole, depth);
    }
  }

  #list(directory: number): Buffer[] {
    const handle = opendirSync(`/proc/self/fd/${directory}`, { encoding: 'buffer' as BufferEncoding });
    const names: Buffer[] = [];
    try {
      for (let entry = handle.readSync(); entry !== null; entry = handle.readSync()) {
        this.#entries += 1;
        if (this.#entries > MAX_ENTRIES) break;
        names.push(entry.name as unknown as Buffer);
      }
    } finally {
      handle.closeSync();
    }
    return names;
  }

  async #visit(directory: number, name: Buffer, whole: Buffer, depth: number): Promise<void> {
    const at = Buffer.concat([Buffer.from(`/proc/self/fd/${directory}/`), name]);
    let kind: ReturnType<typeof lstatSync>;
    try {
      kind = lstatSync(at);
    } catch (error) {
      this.#skip(whole, `cannot be read (${codeOf(error)})`);
      return;
    }
    if (kind.isDirectory()) {
      if (depth + 1 >= MAX_DEPTH) this.#skip(whole, `is deeper than ${MAX_DEPTH} parts`);
      else await this.#descend(at, whole, depth);
    } else if (kind.isFile()) {
      await this.#take(at, whole);
    } else {
      this.#skip(whole, kind.isSymbolicLink() ? 'is a symbolic link' : 'is no plain file');
    }
  }

  async #descend(at: Buffer, whole: Buffer, depth: number): Promise<void> {
    let opened: number;
    try {
      opened = openSync(at, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);
    } catch (error) {
      this.#skip(whole, `cannot be opened (${codeOf(error)})`);
      return;
    }
    try {
      await this.enter(opened, whole, depth + 1);
    } finally {
      closeSync(opened);
    }
  }

  async #take(at: Buffer, whole: Buffer): Promise<void> {
    const path = `${SANDBOX_ROOT}/${whole.toString('utf8')}`;
    const roundTrip = Buffer.from(path, 'utf8')
      .subarray(SANDBOX_ROOT.length + 1)
      .equals(whole);
    const defect = roundTrip ? pathDefect(path) : 'is not UTF-8';
    if (defect !== null) {
      this.#skip(whole, defect);
      return;
    }
    const read = this.#read(at);
    if (typeof read === 'string') {
      this.#skip(whole, read);
      return;
    }
    const sha256 = createHash('sha256').update(read).digest('hex');
    if (this.#options.inputs.get(path) === sha256) return;
    if (this.artifacts.length >= this.#options.limits.artifacts) {
      this.#skip(whole, `more than ${this.#options.limits.artifacts} files`);
      return;
    }
    this.artifacts.push({ path, bytes: read, sha256, mediaType: sniffMediaType(path, read) });
    this.#sinceYield += read.length;
    if (this.#sinceYield > YIELD_BYTES) {
      this.#sinceYield = 0;
      await turn();
    }
  }

  /** The file's bytes, or why it is left behind. */
  #read(at: Buffer): Uint8Array | string {
    let opened: number;
    try {
      opened = openSync(at, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    } catch (error) {
      return `cannot be opened (${codeOf(error)})`;
    }
    try {
      const facts = fstatSync(opened);
      if (!facts.isFile()) return 'is no plain file';
      if (facts.nlink !== 1) return 'has more than one name';
      const most = Math.min(this.#options.limits.fileBytes, this.#bytesLeft);
      if (facts.size > most) return `is larger than the ${most} bytes that are left`;
      const bytes = readAtMost(opened, facts.size, most);
      if (bytes === null) return `is larger than the ${most} bytes that are left`;
      this.#bytesLeft -= bytes.length;
      return bytes;
    } catch (error) {
      return `cannot be read (${codeOf(error)})`;
    } finally {
      closeSync(opened);
    }
  }

  #skip(path: Buffer, reason: string): void {
    if (this.skipped.length < MAX_SKIPPED_FILES) this.skipped.push({ pathBase64: path.toString('base64'), reason });
  }
}

/** Reads to the end, or gives `null` when there is more than `most`. The stated size is only a first guess. */
function readAtMost(file: number, size: number, most: number): Uint8Array | null {
  let buffer = Buffer.alloc(Math.min(size, most) + 1);
  let length = 0;
  for (;;) {
    const count = readSync(file, buffer, length, buffer.length - length, null);
    if (count === 0) return new Uint8Array(buffer.subarray(0, length));
    length += count;
    if (length > most) return null;
    if (length === buffer.length) buffer = Buffer.concat([buffer, Buffer.alloc(Math.min(buffer.length, most - length + 1))]);
  }
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? 'unknown';
}
