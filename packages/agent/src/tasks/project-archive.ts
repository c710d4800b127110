/**
 * A project in a .zip, as Foundry and Hardhat lay it out. Nothing is written to disk; sizes are bounded before anything is unpacked, and
 * what a member unpacks to is bounded by what its entry says.
 */

import { collectSources, findLayout, SOURCE_LIMITS, type Sources } from '@assay/contracts';
import { unzipSync } from 'fflate';
import { ServerError } from '../errors.ts';

const MOST_MEMBERS = 20_000;
/** What packing may add to a file, bytes: DEFLATE stores what it cannot shrink. */
const PACKING = 1024;
const STORED = 0;

/** Sources of a project, and the remappings it has. */
export interface ArchivedProject {
  readonly sources: Sources;
  readonly remappings: readonly string[];
}

/**
 * The sources in a .zip: those of its project, and what they import.
 * @throws {ServerError} `task/bad-input`; {@link ContractsError} for a project without sources, with imports that are missing, or too large.
 */
export function openProjectArchive(zip: Uint8Array, remappings: readonly string[]): ArchivedProject {
  const files = textFiles(zip);
  const layout = findLayout({ files: [...files.keys()], read: (path) => files.get(path) ?? null, remappings });
  const sources = collectSources({
    entries: layout.entries,
    remappings: layout.parsedRemappings,
    read: (name) =>
      layout
        .candidates(name)
        .map((path) => files.get(path))
        .find((text) => text !== undefined) ?? null,
  });
  return { sources, remappings: layout.remappings };
}

/** Solidity and settings files; others are not unpacked. A single folder around everything is taken off. */
function textFiles(zip: Uint8Array): ReadonlyMap<string, string> {
  let members = 0;
  let bytes = 0;
  let packed = 0;
  const bad = (what: string): ServerError =>
    new ServerError('task/bad-input', `archive_base64: ${what}; pack the project again`);
  let unpacked: Record<string, Uint8Array>;
  try {
    unpacked = unzipSync(zip, {
      filter: ({ name, size, originalSize, compression }) => {
        members += 1;
        if (members > MOST_MEMBERS) throw bad(`expected at most ${MOST_MEMBERS} files, got more`);
        if (!/\.sol$|(?:^|\/)(?:foundry\.toml|remappings\.txt)$/.test(name)) return false;
        if (name.split('/').includes('..') || name.startsWith('/') || name.includes('\\'))
          throw bad(`expected names inside the project, got ${JSON.stringify(name.slice(0, 120))}`);
        bytes += originalSize;
        packed += size;
        // Many entries may name one member, and a stored one is as long as it says that it is packed.
        if (packed > zip.length) throw bad('expected members that do not overlap');
        if (compression === STORED ? size !== originalSize : size > originalSize + PACKING)
          throw bad(`expected members of the lengths they say, got another in ${JSON.stringify(name.slice(0, 120))}`);
        if (originalSize > SOURCE_LIMITS.fileBytes || bytes > 2 * SOURCE_LIMITS.bytes)
          throw bad(`expected at most ${2 * SOURCE_LIMITS.bytes} bytes of sources unpacked, got more`);
        return true;
      },
    });
  } catch (error) {
    if (ServerError.is(error)) throw error;
    throw new ServerError(
      'task/bad-input',
      'archive_base64: expected a .zip file, got something else; pack the project again',
      { cause: error },
    );
  }
  const names = Object.keys(unpacked);
  const root = names[0]?.split('/')[0] ?? '';
  const wrapped =
    root !== '' &&
    names.every((name) => name.startsWith(`${root}/`)) &&
    !['src', 'contracts', 'lib', 'node_modules'].includes(root);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  return new Map(
    names.map((name) => {
      try {
        return [wrapped ? name.slice(root.length + 1) : name, decoder.decode(unpacked[name])];
      } catch {
        throw bad(`expected UTF-8 text in ${JSON.stringify(name.slice(0, 120))}`);
      }
    }),
  );
}
