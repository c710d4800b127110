/**
 * Contracts on this machine, as a request names them: a source with what it imports, a project's folder, a standard JSON input or build-info
 * file, or a .zip. Nothing outside of the project's folder is read, also through links: what is read goes to the agent.
 */

import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { ContractsError, collectSources, findLayout, SOURCE_LIMITS } from '@assay/contracts';
import { encodeBase64 } from '@assay/encoding/base64';
import { parseJson } from '@assay/encoding/json';
import { CliError } from './errors.ts';
import type { Io } from './io.ts';
import { packagesOf } from './locked-packages.ts';

/** Members of a request that name the sources. */
export type SourceMembers = Readonly<Record<string, unknown>>;

export interface ProjectFlags {
  /** Folder that import paths begin at. */
  readonly root?: string | undefined;
  readonly remapping?: readonly string[] | undefined;
}

const MOST_FILES = 50_000;
const MOST_ARCHIVE_BYTES = 32 * 1024 * 1024;
/** Folders that are not looked through for sources to begin with. */
const SKIPPED = new Set(['node_modules', 'out', 'cache', 'artifacts', 'typechain-types', 'broadcast']);
/** `PK`, of every .zip file. */
const ZIP_BEGINNING = [0x50, 0x4b];
/** What marks the folder of a project. */
const MARKS = [
  'foundry.toml',
  'hardhat.config.js',
  'hardhat.config.ts',
  'hardhat.config.cjs',
  'remappings.txt',
  'node_modules',
];

/**
 * The members for what is at `path`.
 * @throws {CliError} `cli/file-unreadable`, `cli/input-too-large`; {ContractsError} `project/malformed` for another kind of file, and those
 * of its sources.
 */
export function readContracts(io: Io, path: string, flags: ProjectFlags): SourceMembers {
  const whole = resolve(io.cwd, path);
  const about = statSync(whole, { throwIfNoEntry: false });
  if (about === undefined)
    throw new CliError(
      'cli/file-unreadable',
      `cannot read ${path}: it does not exist; name a contract or its project's folder`,
    );
  if (about.isDirectory()) return readFolder(whole, flags);
  if (whole.endsWith('.zip')) return { archive_base64: encodeBase64(zipAt(whole, path)) };
  if (whole.endsWith('.json')) return { standard_json: inputOf(bounded(whole, path, 4 * MOST_ARCHIVE_BYTES)) };
  if (whole.endsWith('.sol')) {
    const root = flags.root === undefined ? projectOf(dirname(whole)) : resolve(io.cwd, flags.root);
    return readFolder(root, flags, relative(root, whole).split(sep).join('/'));
  }
  throw otherKind(path);
}

/** The entry alone with its imports, or all sources of the project. */
function readFolder(root: string, { remapping = [] }: ProjectFlags, entry?: string): SourceMembers {
  const inside = realpathSync(root);
  const read = (name: string): string | null => readInside(inside, name);
  const files = entry === undefined ? listFiles(root) : [entry, ...libraryFolders(root)];
  const layout = findLayout({ files, read, remappings: remapping });
  const entries = entry === undefined ? layout.entries : [entry];
  const sources = collectSources({
    entries,
    remappings: layout.parsedRemappings,
    read: (name) => {
      for (const candidate of layout.candidates(name)) {
        const text = read(candidate);
        if (text !== null) return text;
      }
      return null;
    },
  });
  const packages = packagesOf(Object.keys(sources), read('package-lock.json'));
  return {
    sources,
    ...(layout.remappings.length === 0 ? {} : { remappings: layout.remappings }),
    ...(packages.length === 0 ? {} : { packages }),
  };
}

/** The text of a file below `root`, or `null`; links that lead outside lead nowhere. */
function readInside(root: string, name: string): string | null {
  try {
    const real = realpathSync(join(root, name));
    if (!real.startsWith(`${root}${sep}`) || !statSync(real).isFile() || statSync(real).size > SOURCE_LIMITS.fileBytes)
      return null;
    return readFileSync(real, 'utf8');
  } catch {
    return null;
  }
}

function listFiles(root: string): readonly string[] {
  const found: string[] = [];
  const open = [''];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && !entry.name.startsWith('.') && !SKIPPED.has(entry.name)) open.push(path);
      else if (entry.isFile()) found.push(path);
      if (found.length > MOST_FILES)
        throw new CliError(
          'cli/input-too-large',
          `expected at most ${MOST_FILES} files below ${root}, got more; name the project's own folder`,
        );
    }
  }
  return found;
}

/** `lib/name/src/` and `lib/name/contracts/`, for the remappings that Foundry makes of them. */
function libraryFolders(root: string): readonly string[] {
  try {
    return readdirSync(join(root, 'lib')).flatMap((name) =>
      ['src', 'contracts']
        .filter((inner) => statSync(join(root, 'lib', name, inner), { throwIfNoEntry: false }))
        .map((inner) => `lib/${name}/${inner}/`),
    );
  } catch {
    return [];
  }
}

/** The nearest folder at or above that looks like a project's, else the folder itself. */
function projectOf(folder: string): string {
  for (let at = folder; at !== dirname(at); at = dirname(at)) {
    if (MARKS.some((name) => statSync(join(at, name), { throwIfNoEntry: false }) !== undefined)) return at;
  }
  return folder;
}

/** A standard JSON input, or the one inside of Hardhat's and Foundry's build-info. */
function inputOf(bytes: Uint8Array): unknown {
  const value = parseJson(bytes, { maxBytes: 4 * MOST_ARCHIVE_BYTES, maxNodes: 8_000_000 });
  const { input } = value as { readonly input?: unknown };
  return input ?? value;
}

function bounded(path: string, shown: string, most: number): Uint8Array {
  const { size } = statSync(path);
  if (size > most)
    throw new CliError('cli/input-too-large', `expected at most ${most} bytes in ${basename(shown)}, got ${size}; send less`);
  return new Uint8Array(readFileSync(path));
}

/** The bytes of an archive. */
function zipAt(path: string, shown: string): Uint8Array {
  const bytes = bounded(path, shown, MOST_ARCHIVE_BYTES);
  if (ZIP_BEGINNING.some((byte, at) => bytes[at] !== byte)) throw otherKind(shown);
  return bytes;
}

function otherKind(shown: string): ContractsError {
  return new ContractsError(
    'project/malformed',
    `expected contracts in a .sol, .json or .zip file or a folder, got ${shown}, another kind of file; name a contract or its project's folder`,
  );
}
