/** Chooses the compiler: the one that was asked for, or the newest of those there that the pragmas of all sources allow. */

import semver from 'semver';
import { ContractsError } from '../errors.ts';
import type { Sources } from './collect-sources.ts';
import { scanSource } from './source-scan.ts';

/** The version of a request that names none, when the sources allow it. */
export const DEFAULT_COMPILER = '0.8.24';

/** The first version with standard JSON and a syntax tree that tools can read; no older one can be added. */
export const OLDEST_COMPILER = '0.4.12';

/** Ranges that are looked at for a version to add. */
const MOST_LOOKED_AT = 16;

/** Different ranges in all sources together, and characters of one: each is read once and held against each compiler. */
export const PRAGMA_LIMITS = { ranges: 256, characters: 512 } as const;

/**
 * The version to compile with, out of `installed`.
 * @param wanted e.g. `0.8.24`; `null` lets the pragmas decide: {@link DEFAULT_COMPILER} where they allow it, else the newest that they allow.
 * @throws {ContractsError} `project/pragma-unmet` when none of those there fits, `project/too-large` beyond {@link PRAGMA_LIMITS}.
 * @example chooseCompiler(sources, null, ['0.7.6', '0.8.24']) // '0.8.24'
 */
export function chooseCompiler(sources: Sources, wanted: string | null, installed: readonly string[]): string {
  const sorted = [...installed].sort(semver.rcompare);
  if (wanted !== null) {
    if (sorted.includes(wanted)) return wanted;
    throw unmet(
      `expected one of the compilers ${listed(sorted)}, got ${JSON.stringify(wanted.slice(0, 40))}`,
      canBeAdded(wanted) ? wanted : null,
    );
  }
  const ranges = pragmasOf(sources);
  const fits = (version: string): boolean => ranges.every(({ allows }) => allows(version));
  const preferred = [DEFAULT_COMPILER, ...sorted].find((version) => sorted.includes(version) && fits(version));
  if (preferred !== undefined) return preferred;
  const unfit = ranges.find(({ allows }) => !sorted.some(allows));
  const why =
    unfit === undefined
      ? `the pragmas ${listed(ranges.map(({ range }) => range))} together allow none of the compilers ${listed(sorted)}`
      : `${unfit.name} asks for solidity ${JSON.stringify(unfit.range.slice(0, 80))}, which none of the compilers ${listed(sorted)} meets`;
  throw unmet(why, suggestion(ranges));
}

interface Pragma {
  /** The first source that has it. */
  readonly name: string;
  readonly range: string;
  readonly allows: (version: string) => boolean;
}

/** Every different range once. */
function pragmasOf(sources: Sources): readonly Pragma[] {
  const found = new Map<string, string>();
  for (const [name, text] of Object.entries(sources))
    for (const range of scanSource(text).pragmas) {
      if (range.length > PRAGMA_LIMITS.characters)
        throw tooLarge(`at most ${PRAGMA_LIMITS.characters} characters in a pragma of ${name}, got ${range.length}`);
      if (!found.has(range)) found.set(range, name);
      if (found.size > PRAGMA_LIMITS.ranges)
        throw tooLarge(`at most ${PRAGMA_LIMITS.ranges} different version ranges in the pragmas of all sources, got more`);
    }
  return [...found].map(([range, name]) => ({ name, range, allows: rangeTest(range) }));
}

/** Solidity's ranges are those of npm; what is none of them is for the compiler to complain about. */
function rangeTest(range: string): (version: string) => boolean {
  const written = asNpm(range);
  if (semver.validRange(written) === null) return () => true;
  const read = new semver.Range(written);
  return (version) => read.test(version);
}

/** Solidity also takes quotes, and bounds that follow one another without a space. */
function asNpm(range: string): string {
  return range.replace(/"|'/g, '').replace(/(?<=[\dxX*])(?=[<>=^~])/g, ' ');
}

/** A version that all ranges allow: the default compiler, the lowest of a range, or the oldest. `null` when none of these fits. */
function suggestion(ranges: readonly Pragma[]): string | null {
  const least = ranges.slice(0, MOST_LOOKED_AT).flatMap(({ range }) => {
    const written = asNpm(range);
    return semver.validRange(written) === null ? [] : [semver.minVersion(written)?.version ?? OLDEST_COMPILER];
  });
  const candidates = [DEFAULT_COMPILER, ...least, OLDEST_COMPILER].filter(canBeAdded);
  return candidates.find((version) => ranges.every(({ allows }) => allows(version))) ?? null;
}

function canBeAdded(version: string): boolean {
  return semver.valid(version) === version && semver.gte(version, OLDEST_COMPILER);
}

function unmet(why: string, add: string | null): ContractsError {
  const advice =
    add === null ? `name ${OLDEST_COMPILER} or newer, one version for all sources` : `add one with: assay solc add ${add}`;
  return new ContractsError('project/pragma-unmet', `${why}; ${advice}`);
}

function tooLarge(what: string): ContractsError {
  return new ContractsError('project/too-large', `expected ${what}; name the compiler's version in the request`);
}

function listed(versions: readonly string[]): string {
  return versions.length === 0 ? '(none installed)' : versions.join(', ');
}
