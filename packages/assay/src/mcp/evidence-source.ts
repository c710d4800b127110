/** Evidence that an assistant hands in or names: text, base64, a URL within reach, or a file below the working directory. */

import { realpath } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { decodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { addressContent } from '../command-line/address-content.ts';
import { CliError } from '../command-line/errors.ts';
import type { Io } from '../command-line/io.ts';
import { addressOption } from '../command-line/options.ts';
import { readFileOf } from '../command-line/subject.ts';
import type { Reach } from './reach.ts';

export type EvidenceEncoding = 'text' | 'base64' | 'url' | 'file';

export interface EvidenceSource {
  readonly io: Io;
  readonly reach: Reach;
  /** Whether the operator lets assistants name files. */
  readonly files: boolean;
}

const MAX_BYTES = 64 * 1024 * 1024;

/** @throws {CliError} `cli/bad-option`, `cli/file-outside`, `cli/file-unreadable`, `cli/url-unreachable`, `cli/url-redirected`, `cli/input-too-large`. */
export async function evidenceBytes(text: string, encoding: EvidenceEncoding, source: EvidenceSource): Promise<Uint8Array> {
  switch (encoding) {
    case 'text':
      return utf8(text);
    case 'base64':
      return decodeBase64(text);
    case 'url':
      return atAddress(addressOption('evidence', text), source);
    case 'file':
      return readFileOf(source.io, await fileBelow(text, source));
  }
}

/** The real path of a file below the working directory. Whether anything exists elsewhere is not told. */
async function fileBelow(path: string, { io, files }: EvidenceSource): Promise<string> {
  if (!files)
    throw new CliError(
      'cli/bad-option',
      'encoding: this server may not read files; start it with --allow-files, or send the text',
    );
  const root = await realpath(io.cwd);
  const wanted = resolve(io.cwd, path);
  if (!isBelow(io.cwd, wanted)) throw outside();
  const real = await realpath(wanted).catch((cause: NodeJS.ErrnoException) => {
    throw new CliError('cli/file-unreadable', `cannot read ${path}: ${cause.code}; check the path`, { cause });
  });
  if (!isBelow(root, real)) throw outside(); // a link leads out
  return real;
}

function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function outside(): CliError {
  return new CliError(
    'cli/file-outside',
    'expected a file below the working directory of this server, got one elsewhere; copy it there, or send its text',
  );
}

function atAddress(url: URL, { io, reach }: EvidenceSource): Promise<Uint8Array> {
  return addressContent(url.href, { fetch: reach.fetchFor(url), most: MAX_BYTES, signal: io.signal });
}
