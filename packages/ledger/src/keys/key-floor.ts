/**
 * What may not be undone by putting rows of a database back: the generation of the API keys, and what each used of its quotas. Kept in the data
 * directory, as the last published checkpoint is: setting back the database alone changes neither.
 *
 * Written at most once a second; a crash forgets that second's use. Entries of the log that are newer are looked at when a process begins.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseJson } from '@assay/encoding/json';
import { LedgerError } from '../errors.ts';
import { replaceKeyFile } from '../key-file.ts';
import { USAGE_COUNTS, type Usage } from './port.ts';

/** In the data directory. */
export const KEY_FLOOR_FILE = 'api-keys-floor.json';
const WRITE_EVERY_MS = 1_000;
/** Days whose use is remembered; clocks of agents differ. */
const KEPT_DAYS = 2;

interface Kept {
  readonly v: 1;
  readonly generation: number;
  /** Entries of the log that were looked at for it. */
  readonly size: number;
  /** By day, then by key. */
  readonly used: Readonly<Record<string, Readonly<Record<string, Usage>>>>;
}

export class KeyFloor {
  readonly #path: string;
  readonly #today: () => string;
  #generation = 0;
  #size = 0;
  #read = false;
  readonly #used = new Map<string, Map<string, Usage>>();
  #timer: NodeJS.Timeout | null = null;
  #changed = false;

  /** `today`: the day by the agent's clock, `2026-11-29`. Use of later days is not kept, so that a clock that jumped ahead takes no place. */
  constructor(directory: string, today: () => string) {
    this.#path = join(directory, KEY_FLOOR_FILE);
    this.#today = today;
  }

  /** Reads the file, once. @throws {LedgerError} `ledger/corrupt` for one that is none. */
  open(): this {
    if (this.#read) return this;
    const kept = this.#kept();
    this.#generation = kept?.generation ?? 0;
    this.#size = kept?.size ?? 0;
    this.#merge(kept);
    this.#read = true;
    return this;
  }

  /** The least generation that may be, as far as the log is known here. */
  get generation(): number {
    return this.#generation;
  }

  /** Entries of the log that {@link generation} speaks of; later ones are to be looked at. */
  get size(): number {
    return this.#size;
  }

  looked(size: number): void {
    if (size <= this.#size) return;
    this.#size = size;
    this.#changed = true;
    this.#write(); // a store without keys would be looked through at every start
  }

  reached(generation: number): void {
    if (generation <= this.#generation) return;
    this.#generation = generation;
    this.#changed = true;
    this.#write(); // a revoked key is not to come back with a crash
  }

  used(day: string, access: string): Usage | null {
    return this.#used.get(day)?.get(access) ?? null;
  }

  saw(day: string, access: string, usage: Usage): void {
    this.#raise(day, access, usage);
    this.#changed = true;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#write();
    }, WRITE_EVERY_MS).unref();
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#write();
  }

  /** Agents that share the directory write the highest of what each saw. */
  #write(): void {
    if (!this.#changed) return;
    try {
      const kept = this.#kept();
      this.#merge(kept);
      const today = this.#today();
      const days = [...this.#used.keys()]
        .filter((day) => day <= today)
        .sort()
        .slice(-KEPT_DAYS);
      for (const day of [...this.#used.keys()]) if (!days.includes(day)) this.#used.delete(day);
      this.#generation = Math.max(this.#generation, kept?.generation ?? 0);
      const [generation, size] = [this.#generation, this.#size];
      const used = Object.fromEntries(days.map((day) => [day, Object.fromEntries(this.#used.get(day) ?? [])]));
      replaceKeyFile(this.#path, `${JSON.stringify({ v: 1, generation, size, used } satisfies Kept)}\n`);
      this.#changed = false;
    } catch {
      // A full disk, or a file that was spoilt; what is in memory holds, and the next write tries again.
    }
  }

  #kept(): Kept | null {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw broken(`cannot be read`, cause);
    }
    try {
      const kept = parseJson(text) as unknown as Kept;
      if (kept.v === 1 && Number.isSafeInteger(kept.generation) && Number.isSafeInteger(kept.size)) return kept;
    } catch (cause) {
      throw broken('is no JSON', cause);
    }
    throw broken('is not of this release');
  }

  #merge(kept: Kept | null): void {
    for (const [day, keys] of Object.entries(kept?.used ?? {}))
      for (const [access, usage] of Object.entries(keys)) this.#raise(day, access, usage);
  }

  #raise(day: string, access: string, usage: Usage): void {
    const keys = this.#used.get(day) ?? new Map<string, Usage>();
    const before = keys.get(access);
    const highest = (count: (typeof USAGE_COUNTS)[number]) => Math.max(before?.[count] ?? 0, usage[count]);
    keys.set(access, Object.fromEntries(USAGE_COUNTS.map((count) => [count, highest(count)])) as unknown as Usage);
    this.#used.set(day, keys);
  }
}

function broken(why: string, cause?: unknown): LedgerError {
  return new LedgerError(
    'ledger/corrupt',
    `${KEY_FLOOR_FILE} in the data directory ${why}; restore it, without it keys that were revoked could come back`,
    { cause },
  );
}
