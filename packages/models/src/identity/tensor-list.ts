/** The tensors of a model as one sorted list with one digest (spec/model-identity.md §2). */

import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson } from '@assay/encoding/json';
import { ModelError } from '../errors.ts';
import { hexDigest } from './byte-source.ts';

/** Where a tensor stands in its file. */
export interface TensorPlace {
  readonly name: string;
  /** Upper-case name of the type. */
  readonly type: string;
  /** Outermost dimension first. */
  readonly shape: readonly number[];
  /** In the file, bytes. */
  readonly offset: number;
  readonly length: number;
}

export interface TensorEntry {
  /** Lower-case hex SHA-256 of the bytes. */
  readonly digest: string;
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: string;
}

/** Most tensors of one model. */
export const MAX_TENSORS = 262_144;

/** The digest of the list; the order given does not matter. @throws {ModelError} `model-file/malformed` for a name that occurs twice. */
export function tensorListDigest(entries: readonly TensorEntry[]): string {
  const sorted = entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  for (const [index, { name }] of sorted.entries())
    if (name === sorted[index + 1]?.name)
      throw new ModelError(
        'model-file/malformed',
        `expected unique tensor names, got ${JSON.stringify(name.slice(0, 80))} twice; give the parts of one model only`,
      );
  return hexDigest(utf8(canonicalJson(sorted)));
}

/** A size as a number. @throws {ModelError} `model-file/limit` beyond 2^53. */
export function safeSize(value: bigint | number, what: string): number {
  const size = Number(value);
  if (Number.isSafeInteger(size) && size >= 0) return size;
  throw new ModelError('model-file/limit', `${what}: expected at most 2^53, got ${value}; the file is damaged`);
}
