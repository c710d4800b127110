/** Reads what a command is about: a file, `-` for standard input, or an http(s) URL; and folders of companions. */

import { opendir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { EndorsementFile } from '@assay/attestation';
import { Budget } from '@assay/encoding/budget';
import { MAX_BUNDLE_BYTES } from '@assay/receipt';
import { addressContent } from './address-content.ts';
import { CliError } from './errors.ts';
import { inputTooLarge, readRegularFile } from './file-reader.ts';
import type { Io } from './io.ts';

/** The longest answer or standard input that a command takes, bytes. Files may be as long as a bundle. */
export const MAX_BYTES = 64 * 1024 * 1024;
/** The longest policy, root, key or list of authorities, bytes. */
export const MAX_SETTING_BYTES = 4 * 1024 * 1024;
/** The longest companion: readers of collateral take some five times their input. Bytes. */
const MAX_COMPANION_BYTES = 8 * 1024 * 1024;
const MAX_COMPANIONS = 1024;
/** Entries of the folders of companions, hidden ones and folders included. */
const MAX_ENTRIES = 16 * 1024;
const MAX_DEPTH = 4;

/**
 * @param most bytes; by default what a bundle may have in a file, and {@link MAX_BYTES} from elsewhere.
 * @throws {CliError} `cli/file-unreadable`, `cli/url-unreachable`, `cli/url-redirected`, `cli/input-too-large`.
 */
export async function readSubject(io: Io, subject: string, most?: number): Promise<Uint8Array> {
  const passing = most ?? MAX_BYTES;
  if (subject === '-') return io.stdin(passing, () => inputTooLarge('standard input', passing));
  if (/^https?:\/\//i.test(subject)) return addressContent(subject, { fetch: io.fetch, most: passing, signal: io.signal });
  return readFileOf(io, subject, most ?? MAX_BUNDLE_BYTES);
}

/**
 * One file.
 * @param most bytes; what is to be parsed as a whole has a smaller bound, {@link MAX_SETTING_BYTES}.
 * @throws {CliError} `cli/file-unreadable`, `cli/input-too-large`.
 */
export function readFileOf(io: Io, path: string, most = MAX_BYTES): Promise<Uint8Array> {
  return readRegularFile(resolve(io.cwd, path), { shown: path, most });
}

/** What the search for companions may still read; shared by all that are named in one command. */
interface Search {
  readonly io: Io;
  readonly files: EndorsementFile[];
  readonly entries: Budget;
  readonly bytes: Budget;
}

/**
 * Every file named, and every file in the folders named (four levels deep, hidden ones left out), in no particular order. Links to
 * files are followed, links to folders inside of folders are refused: they could lead anywhere, also back.
 * @throws {CliError} `cli/file-unreadable`, `cli/input-too-large`, `cli/bad-option`.
 */
export async function readCompanions(io: Io, paths: readonly string[]): Promise<readonly EndorsementFile[]> {
  const search: Search = {
    io,
    files: [],
    entries: new Budget({ name: 'entries in companion folders', limit: MAX_ENTRIES, refuse: tooMany }),
    bytes: new Budget({
      name: 'bytes of companion files',
      limit: MAX_BYTES,
      refuse: () => inputTooLarge('all that was named as companions', MAX_BYTES),
    }),
  };
  for (const path of paths) {
    const absolute = resolve(io.cwd, path);
    if (await isFolder(absolute)) await collect(absolute, path, 0, search);
    else await take(absolute, path, search);
  }
  return search.files;
}

async function collect(absolute: string, shown: string, depth: number, search: Search): Promise<void> {
  if (depth > MAX_DEPTH) return;
  const names: { readonly name: string; readonly kind: 'folder' | 'link' | 'other' }[] = [];
  for await (const entry of await opendir(absolute)) {
    search.entries.reserve(1);
    if (entry.name.startsWith('.')) continue;
    names.push({ name: entry.name, kind: entry.isDirectory() ? 'folder' : entry.isSymbolicLink() ? 'link' : 'other' });
  }
  for (const { name, kind } of names.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const inside = join(shown, name);
    if (kind === 'folder') await collect(join(absolute, name), inside, depth + 1, search);
    else if (kind === 'link' && (await isFolder(join(absolute, name))))
      throw new CliError(
        'cli/bad-option',
        `expected files and folders in ${shown}, got ${name}, a link to a folder; name that folder itself`,
      );
    else await take(join(absolute, name), inside, search);
  }
}

async function take(absolute: string, shown: string, { files, bytes: budget }: Search): Promise<void> {
  if (files.length >= MAX_COMPANIONS) throw tooMany();
  const bytes = await readRegularFile(absolute, { shown, most: MAX_COMPANION_BYTES, held: budget.reserve(0) });
  files.push({ name: basename(absolute), bytes });
}

async function isFolder(absolute: string): Promise<boolean> {
  return (await stat(absolute).catch(() => null))?.isDirectory() === true;
}

function tooMany(): CliError {
  return new CliError('cli/bad-option', `expected at most ${MAX_COMPANIONS} companion files, got more; name fewer`);
}
