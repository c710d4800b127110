/** Chooses the compiler: the one that was asked for, or the newest of those there that the pragmas of all sources allow. */

import semver from 'semver';
import { ContractsError } from '../errors.ts';
import type { Sources } from './collect-sources.ts';
import { scanSource } from './source-scan.ts';

/** The version of a request that names none, when the sources allow it. */
export const DEFAULT_COMPILER = '0.8.24';

/**
 * The version to compile with, out of `installed`.
 * @param wanted e.g. `0.8.24`; `null` lets the pragmas decide: {@link DEFAULT_COMPILER} where they allow it, else the newest that they allow.
 * @throws {ContractsError} `project/pragma-unmet` when none of those there fits.
 * @example chooseCompiler(sources, null, ['0.7.6', '0.8.24']) // '0.8.24'
 */
export function chooseCompiler(sources: Sources, wanted: string | null, installed: readonly string[]): string {
  const sorted = [...installed].sort(semver.rcompare);
  if (wanted !== null) {
    if (sorted.includes(wanted)) return wanted;
    throw unmet(`expected one of the compilers ${listed(sorted)}, got ${JSON.stringify(wanted.slice(0, 40))}`, wanted);
  }
  const ranges = Object.entries(sources).flatMap(([name, text]) => scanSource(text).pragmas.map((range) => ({ name, range })));
  const fits = (version: string): boolean => ranges.every(({ range }) => allows(range, version));
  const preferred = [DEFAULT_COMPILER, ...sorted].find((version) => sorted.includes(version) && fits(version));
  if (preferred !== undefined) return preferred;
  const unfit = ranges.find(({ range }) => !sorted.some((version) => allows(range, version)));
  const why =
    unfit === undefined
      ? `the pragmas ${listed([...new Set(ranges.map(({ range }) => range))])} together allow none of the compilers ${listed(sorted)}`
      : `${unfit.name} asks for solidity ${JSON.stringify(unfit.range.slice(0, 80))}, which none of the compilers ${listed(sorted)} meets`;
  throw unmet(why, suggestion(ranges.map(({ range }) => range)));
}

/** Solidity's ranges are those of npm; what is none of them is for the compiler to complain about. */
function allows(range: string, version: string): boolean {
  const written = range.replace(/"|'/g, '');
  return semver.validRange(written) === null || semver.satisfies(version, written);
}

function suggestion(ranges: readonly string[]): string {
  for (const range of ranges) {
    const least = semver.validRange(range) === null ? null : semver.minVersion(range)?.version;
    if (least !== null && least !== undefined && least !== '0.0.0') return least;
  }
  return DEFAULT_COMPILER;
}

function unmet(why: string, add: string): ContractsError {
  return new ContractsError('project/pragma-unmet', `${why}; add one with: assay solc add ${add.slice(0, 20)}`);
}

function listed(versions: readonly string[]): string {
  return versions.length === 0 ? '(none installed)' : versions.join(', ');
}
