/**
 * The endorsement cache on disk: one file an answer, below `$ASSAY_CACHE_DIR`, `$XDG_CACHE_HOME/assay` or `~/.cache/assay`. A cache
 * that cannot be read or written is no cache; it never fails a verification. What it holds is as untrusted as the network.
 */

import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { CachedAnswer, EndorsementCache } from '@assay/attestation/endorsements';
import { parseJson } from '@assay/encoding/json';
import { readRegularFile } from './file-reader.ts';
import type { Io } from './io.ts';

/** Longer files are none of ours, bytes. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export function cacheDirectory({ env }: Pick<Io, 'env'>): string {
  if (env.ASSAY_CACHE_DIR !== undefined && env.ASSAY_CACHE_DIR !== '') return env.ASSAY_CACHE_DIR;
  const base = env.XDG_CACHE_HOME;
  return join(base !== undefined && base !== '' ? base : join(env.HOME ?? homedir(), '.cache'), 'assay');
}

export function diskCache(directory: string): EndorsementCache {
  const path = (key: string): string => join(directory, `${createHash('sha256').update(key).digest('hex')}.json`);
  return {
    async get(key) {
      try {
        return readAnswer(parseJson(await readRegularFile(path(key), { shown: key, most: MAX_ANSWER_BYTES })), key);
      } catch {
        return null;
      }
    },
    async put(key, answer) {
      const { fetchedAt, headers, bytes } = answer;
      const text = JSON.stringify({ key, fetchedAt, headers, bytes: Buffer.from(bytes).toString('base64') });
      try {
        await mkdir(directory, { recursive: true, mode: 0o700 });
        const temporary = `${path(key)}.${randomUUID()}`;
        await writeFile(temporary, text, { mode: 0o600 });
        await rename(temporary, path(key));
      } catch {
        // A read-only home: the next run fetches again.
      }
    },
  };
}

function readAnswer(stored: unknown, key: string): CachedAnswer | null {
  if (typeof stored !== 'object' || stored === null) return null;
  const { key: written, fetchedAt, headers, bytes } = stored as Readonly<Record<string, unknown>>;
  if (written !== key || typeof fetchedAt !== 'number' || typeof bytes !== 'string') return null;
  const kept = Object.entries(headers ?? {}).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return { fetchedAt, headers: Object.fromEntries(kept), bytes: new Uint8Array(Buffer.from(bytes, 'base64')) };
}
