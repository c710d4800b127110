/**
 * crytic-compile's archive: what Slither reads instead of compiling itself. Made from a compiler's output, so that the bytes that are
 * analysed are those that were built (crytic-compile 0.4, `platform/standard.py`, version 0.0.2).
 *
 * File names are logical ones, below {@link ARCHIVE_ROOT}: they stand in findings, which must not differ from machine to machine.
 */

import { ContractsError } from '../errors.ts';
import type { StandardInput } from '../project/standard-input.ts';
import type { CompilerOutput } from './compiler-output.ts';

/** Folder that the archive says it was made in. There is none. */
export const ARCHIVE_ROOT = '/project';
/** crytic-compile's number of the platform "Archive". */
const PLATFORM = 10;
/** The longest archive that is made. UTF-16 units. */
const MAX_ARCHIVE_LENGTH = 192 * 1024 * 1024;

export interface ArchiveOptions {
  readonly input: StandardInput;
  readonly output: CompilerOutput;
  /** e.g. `0.8.24`. */
  readonly version: string;
  /** Whether a source is one of the project's dependencies. */
  readonly isDependency: (source: string) => boolean;
}

/**
 * The archive's text.
 * @throws {ContractsError} `project/too-large`; `compiler/output-malformed` for a source without syntax tree.
 * @example const text = cryticArchive({ input, output, version: '0.8.24', isDependency: (source) => source.startsWith('lib/') })
 */
export function cryticArchive({ input, output, version, isDependency }: ArchiveOptions): string {
  const units: Record<string, { readonly ast: unknown; readonly contracts: Record<string, unknown> }> = {};
  for (const [source, { ast }] of Object.entries(output.sources)) {
    if (ast === null)
      throw new ContractsError(
        'compiler/output-malformed',
        `expected a syntax tree of ${source} from the compiler, got none; try a newer one`,
      );
    units[source] = { ast, contracts: {} };
  }
  for (const { source, name, abi, creation, runtime } of output.contracts) {
    const unit = units[source];
    if (unit === undefined) continue;
    unit.contracts[name] = {
      abi,
      bin: creation.object,
      'bin-runtime': runtime.object,
      srcmap: creation.sourceMap,
      'srcmap-runtime': runtime.sourceMap,
      filenames: filenames(source),
      libraries: {},
      is_dependency: isDependency(source),
      userdoc: {},
      devdoc: {},
    };
  }
  const { optimizer } = input.settings as { readonly optimizer?: { readonly enabled?: boolean } };
  const sources = Object.keys(units);
  const text = written({
    compilation_units: {
      project: {
        compiler: { compiler: 'solc', version, optimized: optimizer?.enabled === true },
        source_units: units,
        filenames: sources.map(filenames),
      },
    },
    package: 'project',
    working_dir: ARCHIVE_ROOT,
    type: PLATFORM,
    unit_tests: [],
    crytic_version: '0.0.2',
    source_content: Object.fromEntries(sources.map((source) => [absolute(source), input.sources[source] ?? ''])),
  });
  if (text.length > MAX_ARCHIVE_LENGTH)
    throw new ContractsError(
      'project/too-large',
      `expected syntax trees of at most ${MAX_ARCHIVE_LENGTH} characters, got more; audit fewer sources at once`,
    );
  return text;
}

/** Trees may be nested deeper than the platform's stack: `1+1+1…` nests once for each sign. */
function written(archive: object): string {
  try {
    return JSON.stringify(archive);
  } catch (cause) {
    throw new ContractsError(
      'project/too-large',
      'expected syntax trees that can be written as json, got one nested too deeply or too long; split long expressions',
      { cause },
    );
  }
}

function absolute(source: string): string {
  return `${ARCHIVE_ROOT}/${source}`;
}

function filenames(source: string) {
  return { absolute: absolute(source), used: source, short: source, relative: source };
}
