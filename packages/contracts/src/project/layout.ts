/**
 * How a folder of contracts is laid out: Foundry (`foundry.toml`, `remappings.txt`, `lib/`), Hardhat (`contracts/`, `node_modules/`), or
 * plain sources. Says which sources to begin with, and where an import is looked for. Reads names and two settings files only.
 */

import { withoutTrailing } from '@assay/encoding/text-ends';
import { parseRemappings, type Remapping, remappingText } from './remapping.ts';

export interface LayoutOptions {
  /** Paths of the project's files, `/` between parts. */
  readonly files: readonly string[];
  /** The text of a file, or `null`. */
  readonly read: (path: string) => string | null;
  /** Remappings of the request; they come after the project's own, and so win where both fit as well. */
  readonly remappings?: readonly string[] | undefined;
}

export interface ProjectLayout {
  readonly kind: 'foundry' | 'hardhat' | 'plain';
  /** Sources to begin with: no tests, no scripts, no dependencies. Sorted. */
  readonly entries: readonly string[];
  readonly remappings: readonly string[];
  readonly parsedRemappings: readonly Remapping[];
  /** Files that may hold the source of this name, first the likeliest. */
  readonly candidates: (name: string) => readonly string[];
}

const OUTSIDE = /(?:^|\/)(?:node_modules|lib|test|tests|script|scripts|out|cache|artifacts|\.[^/]*)\//;
const TEST_FILE = /\.(?:t|s)\.sol$/;

/**
 * The layout of a project.
 * @throws {ContractsError} `project/malformed` for a remapping that is none.
 * @example findLayout({ files: ['contracts/Token.sol', 'node_modules/@oz/ERC20.sol'], read }).entries // ['contracts/Token.sol']
 */
export function findLayout({ files, read, remappings = [] }: LayoutOptions): ProjectLayout {
  const foundry = read('foundry.toml');
  const kind = foundry !== null ? 'foundry' : files.some((path) => path.startsWith('contracts/')) ? 'hardhat' : 'plain';
  const folder = kind === 'foundry' ? `${tomlText(foundry ?? '', 'src') ?? 'src'}/` : kind === 'hardhat' ? 'contracts/' : '';
  const entries = files
    .filter((path) => path.endsWith('.sol') && path.startsWith(folder) && !TEST_FILE.test(path) && !OUTSIDE.test(path))
    .sort();
  const written = [
    ...(kind === 'foundry' ? libraries(files) : []),
    ...tomlList(foundry ?? '', 'remappings'),
    ...(read('remappings.txt') ?? '').split('\n'),
    ...remappings,
  ];
  const parsedRemappings = parseRemappings(written);
  return {
    kind,
    entries,
    remappings: parsedRemappings.map(remappingText),
    parsedRemappings,
    candidates: (name) => [name, `node_modules/${name}`, `lib/${name}`],
  };
}

/** `lib/name/src/` or `lib/name/contracts/` is `name/`, as Foundry finds it by itself. */
function libraries(files: readonly string[]): readonly string[] {
  const found = new Map<string, string>();
  for (const path of files) {
    const [, name, inner] = /^lib\/([^/]+)\/(src|contracts)\//.exec(path) ?? [];
    if (name !== undefined && inner !== undefined && found.get(name) !== 'src') found.set(name, inner);
  }
  return [...found].map(([name, inner]) => `${name}/=lib/${name}/${inner}/`).sort();
}

/** One `name = "text"` of a TOML file, whatever its table. */
function tomlText(toml: string, name: string): string | null {
  for (const line of toml.split('\n')) {
    const [, key, value] = /^\s*([\w-]+)\s*=\s*["']([^"']*)["']/.exec(line) ?? [];
    if (key === name && value !== undefined) return withoutTrailing(value, '/');
  }
  return null;
}

/** One `name = ["text", …]`, over lines. */
function tomlList(toml: string, name: string): readonly string[] {
  const lines = toml.split('\n');
  const first = lines.findIndex((line) => line.split('=')[0]?.trim() === name && line.includes('['));
  if (first < 0) return [];
  const rest = lines.slice(first).join('\n');
  const end = rest.indexOf(']');
  const body = rest.slice(rest.indexOf('[') + 1, end < 0 ? undefined : end);
  return [...body.matchAll(/["']([^"'\n]*)["']/g)].map(([, value = '']) => value);
}
