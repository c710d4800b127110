/**
 * The compiler's standard JSON input: made of sources and settings, or read from one that was given. What is hashed is its JCS form
 * without `outputSelection`, which says what to print and not what to compile (spec/contract-build.md §2).
 */

import { type JsonObject, parseJson } from '@assay/encoding/json';
import { digestOfJson, type Sha256 } from '../digest.ts';
import { ContractsError } from '../errors.ts';
import { checkDistinct, checkSources, type Sources } from './collect-sources.ts';

/** What decides the bytecode in addition to the sources. Left out: the compiler's own default. */
export interface BuildSettings {
  readonly optimizer?: boolean | undefined;
  /** 200 unless set. */
  readonly runs?: number | undefined;
  readonly evmVersion?: string | undefined;
  readonly viaIR?: boolean | undefined;
  readonly bytecodeHash?: 'ipfs' | 'bzzr1' | 'none' | undefined;
  readonly appendCBOR?: boolean | undefined;
  readonly useLiteralContent?: boolean | undefined;
  readonly remappings?: readonly string[] | undefined;
  /** Library addresses: source → library → 0x address. */
  readonly libraries?: Readonly<Record<string, Readonly<Record<string, string>>>> | undefined;
}

export interface StandardInput {
  readonly language: 'Solidity';
  readonly sources: Sources;
  /** As the compiler gets them, without `outputSelection`. */
  readonly settings: JsonObject;
}

const OUTPUTS = [
  'abi',
  'metadata',
  'storageLayout',
  'evm.methodIdentifiers',
  'evm.bytecode.object',
  'evm.bytecode.sourceMap',
  'evm.bytecode.linkReferences',
  'evm.deployedBytecode.object',
  'evm.deployedBytecode.sourceMap',
  'evm.deployedBytecode.linkReferences',
  'evm.deployedBytecode.immutableReferences',
] as const;

const MAX_INPUT_BYTES = 24 * 1024 * 1024;
/** The longest settings, as JSON. UTF-16 units. */
export const MAX_SETTINGS_LENGTH = 1024 * 1024;

/**
 * The input for these sources. The optimiser is on with 200 runs unless the settings say otherwise.
 * @throws {ContractsError} `project/too-large`, `project/bad-path`, `project/empty`.
 * @example standardInput({ 'A.sol': 'contract A {}' }, { evmVersion: 'paris' })
 */
export function standardInput(sources: Sources, settings: BuildSettings = {}): StandardInput {
  checkSources(sources);
  checkDistinct(Object.keys(sources));
  const metadata = withoutUndefined({
    bytecodeHash: settings.bytecodeHash,
    appendCBOR: settings.appendCBOR,
    useLiteralContent: settings.useLiteralContent,
  });
  const written = withoutUndefined({
    optimizer: { enabled: settings.optimizer ?? true, runs: settings.runs ?? 200 },
    evmVersion: settings.evmVersion,
    viaIR: settings.viaIR === true ? true : undefined,
    metadata: Object.keys(metadata).length === 0 ? undefined : metadata,
    remappings: settings.remappings === undefined || settings.remappings.length === 0 ? undefined : [...settings.remappings],
    libraries: settings.libraries,
  });
  return { language: 'Solidity', sources, settings: bounded(written) };
}

/**
 * Reads a standard JSON input, or a Hardhat build-info file's `input` member.
 * @throws {ContractsError} `project/malformed` for other languages, sources by URL, `stopAfter`, or members of other types; `project/bad-path`,
 * `project/too-large`, `project/empty`. @throws {EncodingError} for what is no JSON.
 * @example const { sources, settings } = parseStandardInput(readFileSync('input.json'))
 */
export function parseStandardInput(given: string | Uint8Array | JsonObject): StandardInput {
  const value =
    typeof given === 'string' || given instanceof Uint8Array ? parseJson(given, { maxBytes: MAX_INPUT_BYTES }) : given;
  const input = object(value, 'the standard JSON input');
  if (input.language !== 'Solidity')
    throw malformed(
      `expected language "Solidity", got ${JSON.stringify(input.language ?? null)}; other languages are not built here`,
    );
  const sources: Record<string, string> = {};
  for (const [name, source] of Object.entries(object(input.sources, 'sources'))) {
    const { content } = object(source, `sources[${JSON.stringify(name.slice(0, 80))}]`);
    if (typeof content !== 'string')
      throw malformed(
        `expected the content of ${JSON.stringify(name.slice(0, 80))} as text, got none; URLs are not fetched, send the text`,
      );
    sources[name] = content;
  }
  checkSources(sources);
  const { outputSelection: _, ...settings } = object(input.settings ?? {}, 'settings');
  if (settings.stopAfter !== undefined)
    throw malformed(
      'expected settings without stopAfter, got one; a compiler that stops early makes no code to build or audit',
    );
  return { language: 'Solidity', sources, settings: bounded(settings) };
}

/**
 * The text that the compiler gets: outputs that results are made of, and the syntax tree.
 * @example const output = parseCompilerOutput(await post(compilerText(input)))
 */
export function compilerText({ language, sources, settings }: StandardInput): string {
  const outputSelection = { '*': { '*': OUTPUTS, '': ['ast'] } };
  const contents = Object.fromEntries(Object.entries(sources).map(([name, content]) => [name, { content }]));
  return JSON.stringify({ language, sources: contents, settings: { ...settings, outputSelection } });
}

/**
 * `sha256:` over the JCS form of the input, sources with their texts.
 * @example inputHash(parseStandardInput(text))
 */
export function inputHash({ language, sources, settings }: StandardInput): Sha256 {
  const contents = Object.fromEntries(Object.entries(sources).map(([name, content]) => [name, { content }]));
  return digestOfJson({ language, sources: contents, settings });
}

function object(value: unknown, what: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed(
      `expected ${what} as an object, got ${Array.isArray(value) ? 'an array' : typeof value}; see the compiler's page on standard JSON`,
    );
  return value as JsonObject;
}

function bounded(settings: JsonObject): JsonObject {
  const { length } = JSON.stringify(settings);
  if (length <= MAX_SETTINGS_LENGTH) return settings;
  throw new ContractsError(
    'project/too-large',
    `expected settings of at most ${MAX_SETTINGS_LENGTH} characters, got ${length}; leave out remappings and libraries that nothing uses`,
  );
}

function withoutUndefined(members: Readonly<Record<string, unknown>>): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as JsonObject;
}

function malformed(message: string): ContractsError {
  return new ContractsError('project/malformed', message);
}
