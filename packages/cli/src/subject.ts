/** Reads what a command is about: a file, `-` for standard input, or an http(s) URL; and folders of companions. */

import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { EndorsementFile } from '@assay/attestation';
import { CliError } from './errors.ts';
import type { Io } from './io.ts';

const MAX_BYTES = 64 * 1024 * 1024;
const URL_TIMEOUT_MS = 30_000;
const MAX_COMPANIONS = 1024;
const MAX_DEPTH = 4;

/** @throws {CliError} `cli/file-unreadable`, `cli/url-unreachable`, `cli/input-too-large`. */
export async function readSubject(io: Io, subject: string): Promise<Uint8Array> {
  if (subject === '-') return bounded(await io.stdin(), 'standard input');
  if (/^https?:\/\//i.test(subject)) return readUrl(io, subject);
  return readFileOf(io, subject);
}

/** One file. @throws {CliError} `cli/file-unreadable`, `cli/input-too-large`. */
export async function readFileOf(io: Io, path: string): Promise<Uint8Array> {
  const absolute = resolve(io.cwd, path);
  try {
    const found = await stat(absolute);
    if (found.size > MAX_BYTES) throw tooLarge(path);
    return await readFile(absolute);
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new CliError('cli/file-unreadable', `cannot read ${path}: ${reason}; check the path`, { cause });
  }
}

/** Every file named, and every file in the folders named (four levels deep, hidden ones left out), in no particular order. */
export async function readCompanions(io: Io, paths: readonly string[]): Promise<readonly EndorsementFile[]> {
  const files: EndorsementFile[] = [];
  for (const path of paths) await collect(io, resolve(io.cwd, path), path, 0, files);
  return files;
}

async function collect(io: Io, absolute: string, shown: string, depth: number, files: EndorsementFile[]): Promise<void> {
  const found = await stat(absolute).catch(() => null);
  if (found?.isDirectory() === true) {
    if (depth > MAX_DEPTH) return;
    const entries = (await readdir(absolute)).filter((name) => !name.startsWith('.')).sort();
    for (const name of entries) await collect(io, join(absolute, name), join(shown, name), depth + 1, files);
    return;
  }
  if (files.length >= MAX_COMPANIONS)
    throw new CliError('cli/bad-option', `expected at most ${MAX_COMPANIONS} companion files, got more; name fewer`);
  files.push({ name: basename(absolute), bytes: await readFileOf(io, absolute) });
}

async function readUrl(io: Io, url: string): Promise<Uint8Array> {
  const signal = AbortSignal.any([io.signal, AbortSignal.timeout(URL_TIMEOUT_MS)]);
  try {
    const response = await io.fetch(url, { signal, headers: { accept: 'application/json, application/octet-stream' } });
    if (!response.ok) throw new CliError('cli/url-unreachable', `${url} answers ${response.status}; check the address`);
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      if (length > MAX_BYTES) throw tooLarge(url);
      chunks.push(chunk);
    }
    return new Uint8Array(Buffer.concat(chunks));
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    const reason = cause instanceof Error ? ((cause.cause as Error | undefined)?.message ?? cause.message) : 'unreachable';
    throw new CliError('cli/url-unreachable', `cannot fetch ${url}: ${reason}; check the address and the network`, { cause });
  }
}

function bounded(bytes: Uint8Array, name: string): Uint8Array {
  if (bytes.length > MAX_BYTES) throw tooLarge(name);
  return bytes;
}

function tooLarge(name: string): CliError {
  return new CliError('cli/input-too-large', `${name} is larger than ${MAX_BYTES} bytes, and no evidence is; check the file`);
}
