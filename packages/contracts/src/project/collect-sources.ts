/**
 * From the files of a project to the sources that a compiler gets: the entries, and what they import, each under the name by which it is
 * imported. Files that nothing imports stay out: they can change bytecode (ethereum/solidity#14250).
 */

import { ContractsError } from '../errors.ts';
import { type Remapping, remap } from './remapping.ts';
import { resolveImport, sourcePath } from './source-path.ts';
import { scanSource } from './source-scan.ts';

/** Text by source unit name. */
export type Sources = Readonly<Record<string, string>>;

export interface CollectOptions {
  /** Names of the sources to begin with. */
  readonly entries: readonly string[];
  readonly remappings?: readonly Remapping[] | undefined;
  /** The text of a source, or `null` when there is none of this name. */
  readonly read: (name: string) => string | null;
}

export const SOURCE_LIMITS = { files: 2_000, fileBytes: 4 * 1024 * 1024, bytes: 16 * 1024 * 1024 } as const;

/**
 * The entries and everything that they import, sorted by name.
 * @throws {ContractsError} `project/import-missing`, `project/bad-path`, `project/empty`, `project/too-large`.
 * @example collectSources({ entries: ['src/Token.sol'], read: (name) => files.get(name) ?? null })
 */
export function collectSources({ entries, remappings = [], read }: CollectOptions): Sources {
  if (entries.length === 0)
    throw new ContractsError(
      'project/empty',
      'expected at least one Solidity source, got none; name a file or folder that has some',
    );
  const found = new Map<string, string>();
  const open: { readonly name: string; readonly importer: string | null }[] = [...entries].map((name) => ({
    name,
    importer: null,
  }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { name, importer } = next;
    if (found.has(name)) continue;
    const text = read(sourcePath(name));
    if (text === null) throw missing(name, importer);
    found.set(name, text);
    checkSize(found, name);
    for (const path of scanSource(text).imports)
      open.push({ name: remap(name, resolveImport(name, path), remappings), importer: name });
  }
  checkDistinct([...found.keys()]);
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Refuses sources that are too many or too large.
 * @throws {ContractsError} `project/too-large`, `project/empty`.
 * @example checkSources({ 'src/Token.sol': 'contract Token {}' })
 */
export function checkSources(sources: Sources): void {
  const found = new Map<string, string>();
  for (const [name, text] of Object.entries(sources)) {
    found.set(sourcePath(name), text);
    checkSize(found, name);
  }
  if (found.size === 0) throw new ContractsError('project/empty', 'expected at least one source, got none; send the contract');
}

/**
 * Refuses names that are one file on systems that keep neither case nor Unicode form: there, another source would be read than the one that was
 * compiled. A compiler's own input may have such names: it is taken as it was.
 * @throws {ContractsError} `project/bad-path`.
 */
export function checkDistinct(names: readonly string[]): void {
  const taken = new Map<string, string>();
  for (const name of names) {
    const key = folded(name);
    const other = taken.get(key);
    if (other !== undefined)
      throw new ContractsError(
        'project/bad-path',
        `expected names that differ in more than case or Unicode form, got ${[other, name].map((each) => JSON.stringify(each.slice(0, 200))).join(' and ')}; rename one`,
      );
    taken.set(key, name);
  }
}

/**
 * Equal for names that a file system with full case folding makes one. Lower case alone keeps ß and ss apart, and ς and σ; upper case joins them,
 * all but ẞ, which becomes ß first. Forms of compatibility are joined as well.
 */
function folded(name: string): string {
  return name.normalize('NFKD').toLowerCase().toUpperCase().toLowerCase().normalize('NFC');
}

const sizes = new WeakMap<Map<string, string>, number>();

function checkSize(found: Map<string, string>, newest: string): void {
  const bytes = found.get(newest)?.length ?? 0;
  const all = (sizes.get(found) ?? 0) + bytes;
  sizes.set(found, all);
  const too = (what: string): ContractsError =>
    new ContractsError('project/too-large', `${what}; send less, or leave out what nothing imports`);
  if (bytes > SOURCE_LIMITS.fileBytes)
    throw too(`expected at most ${SOURCE_LIMITS.fileBytes} characters in ${newest}, got ${bytes}`);
  if (found.size > SOURCE_LIMITS.files) throw too(`expected at most ${SOURCE_LIMITS.files} sources, got more`);
  if (all > SOURCE_LIMITS.bytes) throw too(`expected sources of at most ${SOURCE_LIMITS.bytes} characters together, got more`);
}

function missing(name: string, importer: string | null): ContractsError {
  const shown = JSON.stringify(name.slice(0, 200));
  const what = importer === null ? `expected a source ${shown}, got none` : `${importer} imports ${shown}, which is not there`;
  return new ContractsError('project/import-missing', `${what}; add the file, install its package, or add a remapping`, {
    details: { name, importer },
  });
}
