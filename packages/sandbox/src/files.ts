/**
 * Names of files that go into a sandbox and come out of it. Names that come out are attacker input: they end up in JSON, in
 * terminals, in a browser and in `--save DIR`, so anything odd is left behind and reported as skipped.
 */

import { createHash } from 'node:crypto';
import type { ExecutionLimits, FileDigest } from '@assay/receipt';
import { SandboxError } from './errors.ts';
import type { SandboxFile } from './port.ts';

/** Files live here in every lane; it is also the working directory. */
export const SANDBOX_ROOT = '/tmp';
/** Files left behind that are listed, with their reasons; further ones are not. */
export const MAX_SKIPPED_FILES = 256;
const MAX_DEPTH = 8;
const MAX_NAME_BYTES = 255;
// Control characters, and the Unicode marks that make text read in another order than it is written.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is being refused
const HOSTILE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffd\\]/;

/**
 * Why a path is not acceptable, or `null` when it is: absolute, below {@link SANDBOX_ROOT}, no `.`/`..`/empty parts, at most
 * 8 parts of at most 255 UTF-8 bytes, no control or bidirectional characters, no backslash, no leading `-`, well-formed Unicode.
 *
 * @example
 * pathDefect('/tmp/sales.csv'); // null
 * pathDefect('/tmp/../etc/passwd'); // 'has a . or .. part'
 */
export function pathDefect(path: string): string | null {
  if (!path.startsWith(`${SANDBOX_ROOT}/`)) return `is not below ${SANDBOX_ROOT}/`;
  if (/\p{Surrogate}/u.test(path)) return 'is not well-formed Unicode';
  if (HOSTILE.test(path)) return 'has control, bidirectional or backslash characters';
  const parts = path.slice(SANDBOX_ROOT.length + 1).split('/');
  if (parts.length > MAX_DEPTH) return `is deeper than ${MAX_DEPTH} parts`;
  for (const part of parts) {
    if (part === '') return 'has an empty part';
    if (part === '.' || part === '..') return 'has a . or .. part';
    if (part.startsWith('-')) return 'has a part with a leading -';
    if (Buffer.byteLength(part) > MAX_NAME_BYTES) return `has a part longer than ${MAX_NAME_BYTES} bytes`;
  }
  return null;
}

/**
 * Checks the files of a job against its limits and digests them, sorted by path as the claim wants them.
 *
 * @throws {SandboxError} `sandbox/file-refused` for a bad or repeated path, or when the files exceed the limits.
 */
export function digestInputs(files: readonly SandboxFile[], limits: ExecutionLimits): readonly FileDigest[] {
  const seen = new Set<string>();
  let total = 0;
  for (const { path, bytes } of files) {
    const defect = pathDefect(path);
    if (defect !== null) {
      throw new SandboxError(
        'sandbox/file-refused',
        `input path ${JSON.stringify(path.slice(0, 120))} ${defect}; use ${SANDBOX_ROOT}/<name>`,
      );
    }
    if (seen.has(path))
      throw new SandboxError('sandbox/file-refused', `input path ${JSON.stringify(path)} is given twice; give it once`);
    seen.add(path);
    if (bytes.length > limits.fileBytes) {
      throw new SandboxError(
        'sandbox/file-refused',
        `expected input ${JSON.stringify(path)} of at most ${limits.fileBytes} bytes, got ${bytes.length}`,
      );
    }
    total += bytes.length;
  }
  if (total > limits.diskBytes) {
    throw new SandboxError(
      'sandbox/file-refused',
      `expected inputs of at most ${limits.diskBytes} bytes together, got ${total}`,
    );
  }
  if (files.length > limits.inodes) {
    throw new SandboxError('sandbox/file-refused', `expected at most ${limits.inodes} inputs, got ${files.length}`);
  }
  return files.map((file) => digestFile(file.path, file.bytes)).sort(byPath);
}

/** Digest of one file, as claims name it. */
export function digestFile(path: string, bytes: Uint8Array): FileDigest {
  return { path, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** Orders by path in UTF-16 code units, as RFC 8785 orders member names. */
export function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}
