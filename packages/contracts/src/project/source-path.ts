/**
 * Names of source files, as the compiler sees them ("source unit names"). They end up in results, in terminals and in file names of
 * those who unpack results, so that odd ones are refused. A name is never a path on this machine.
 */

import { ContractsError } from '../errors.ts';

const MAX_LENGTH = 512;
// Control characters, and the Unicode marks that make text read in another order than it is written.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is being refused
const HOSTILE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffd\\]/;
/** A name that begins like this is a web address, as Remix writes them; its double slash is no empty part. */
const SCHEME = /^https?:\/\//;

/**
 * The name, when it is one: relative, or an http(s) address; no `.`, `..` or empty parts; no control or bidirectional characters, no
 * backslash; at most 512 characters.
 * @throws {ContractsError} `project/bad-path`.
 * @example sourcePath('contracts/Token.sol')
 */
export function sourcePath(path: string): string {
  const defect = defectOf(path);
  if (defect === null) return path;
  const shown = JSON.stringify(path.slice(0, 120));
  throw new ContractsError(
    'project/bad-path',
    `expected a relative source name like contracts/Token.sol, got ${shown}, which ${defect}`,
  );
}

function defectOf(path: string): string | null {
  if (path.length > MAX_LENGTH) return `is longer than ${MAX_LENGTH} characters`;
  if (/\p{Surrogate}/u.test(path)) return 'is not well-formed Unicode';
  if (HOSTILE.test(path)) return 'has control, bidirectional or backslash characters';
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path)) return 'is absolute';
  for (const part of path.replace(SCHEME, '').split('/')) {
    if (part === '') return 'has an empty part';
    if (part === '.' || part === '..') return 'has a . or .. part';
    if (part === '__proto__') return 'has a part named __proto__';
  }
  return null;
}

/**
 * The source unit name of an import: `./` and `../` are taken from the folder of the importing file (Solidity, "Import path
 * resolution"); anything else names a source as it is.
 * @throws {ContractsError} `project/bad-path` for one that leaves the project.
 * @example resolveImport('a/b/C.sol', '../D.sol') // 'a/D.sol'
 */
export function resolveImport(importer: string, path: string): string {
  if (!path.startsWith('./') && !path.startsWith('../')) return path;
  const parts = importer.split('/').slice(0, -1);
  for (const part of path.split('/')) {
    if (part === '.' || part === '') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined)
      throw new ContractsError(
        'project/bad-path',
        `${importer} imports ${JSON.stringify(path.slice(0, 120))}, which leaves the project; move the file inside, or map it with a remapping`,
      );
  }
  return parts.join('/');
}
