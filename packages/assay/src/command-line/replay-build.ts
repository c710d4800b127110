/** Compiles the build of a receipt again, here, and says whether the same manifest comes out (spec/contract-build.md §4). */

import { resolve } from 'node:path';
import {
  type BuildManifest,
  buildHash,
  buildManifest,
  type CompilerOutput,
  compilerText,
  parseCompilerOutput,
  parseStandardInput,
  type Sha256,
  type StandardInput,
} from '@assay/contracts';
import { parseJson } from '@assay/encoding/json';
import type { Io } from './io.ts';

export interface BuildSources {
  readonly receiptId: string;
  readonly events: readonly Readonly<Record<string, unknown>>[];
  /** The bytes of a payload by `sha256:<hex>`, `null` when the bundle leaves them out. */
  readonly payload: (digest: string) => Uint8Array | null;
}

/** One piece of work, done again. */
export interface ReplayedWork {
  readonly name: string;
  readonly outcome: 'identical' | 'differs' | 'inconclusive';
  readonly notes: readonly string[];
  readonly differences: readonly { readonly what: string; readonly recorded: string; readonly now: string }[];
}

const COMPILE_MS = 300_000;
/** Differences that are told. */
const SHOWN = 20;

/** What the compiler made here of the recorded input. */
export interface BuiltHere {
  readonly input: StandardInput;
  readonly output: CompilerOutput;
  readonly manifest: BuildManifest;
  readonly hash: Sha256;
  /** Of the compiler, e.g. `0.8.24`. */
  readonly version: string;
}

export interface ReplayedBuild {
  readonly replayed: ReplayedWork;
  /** `null` when the compiler did not run. */
  readonly built: BuiltHere | null;
}

/** `null` for a receipt without a build. */
export async function replayBuild(sources: BuildSources, io: Io): Promise<ReplayedBuild | null> {
  const built = sources.events.find(({ type }) => type === 'contract.built');
  if (built === undefined) return null;
  const name = `build of ${sources.receiptId}`;
  const undecided = (note: string): ReplayedBuild => ({
    replayed: { name, outcome: 'inconclusive', notes: [note], differences: [] },
    built: null,
  });
  try {
    return await rebuilt(built, sources, { name, undecided, io });
  } catch (error) {
    return undecided(unreadable(error));
  }
}

/** Of a document that is not what it should be: nothing can be said of this piece of work, and the others stand. */
export function unreadable(error: unknown): string {
  return `it cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}

interface Rebuilding {
  readonly name: string;
  readonly undecided: (note: string) => ReplayedBuild;
  readonly io: Io;
}

async function rebuilt(
  built: Readonly<Record<string, unknown>>,
  { payload }: BuildSources,
  { name, undecided, io }: Rebuilding,
): Promise<ReplayedBuild> {
  const [manifestBytes, inputBytes] = [String(built.build_hash), String(built.input_hash)].map(payload);
  if (!manifestBytes || !inputBytes) return undecided('manifest or input was left out of the bundle');
  const recorded = parseJson(manifestBytes) as unknown as BuildManifest;
  const { installedCompilers, openCompilers } = await import('@assay/agent');
  const { ASSAY_COMPILERS_DIR: named, ASSAY_DATA_DIR: data } = io.env;
  const folder = resolve(io.cwd, named || `${data || '.assay'}/compilers`);
  const release = installedCompilers(folder).find(({ sha256 }) => `sha256:${sha256}` === recorded.compiler.hash);
  if (release === undefined)
    return undecided(`the compiler ${recorded.compiler.version} is not installed here; add it with assay solc add`);
  const compilers = openCompilers({ folder });
  try {
    const input = parseStandardInput(inputBytes);
    const text = await compilers.compile({
      version: release.version,
      input: compilerText(input),
      wallMs: COMPILE_MS,
      signal: io.signal,
    });
    const output = parseCompilerOutput(text);
    const now = buildManifest({ compiler: recorded.compiler, input, output });
    const hash = buildHash(now);
    const same = hash === built.build_hash;
    const differences = same ? [] : differencesOf(recorded, now, String(built.build_hash));
    const made = { input, output, manifest: now, hash, version: release.version };
    return { replayed: { name, outcome: same ? 'identical' : 'differs', notes: [], differences }, built: made };
  } finally {
    await compilers.close();
  }
}

/** The hashes, then each part of each contract that is not the same. */
function differencesOf(recorded: BuildManifest, now: BuildManifest, hash: string): ReplayedWork['differences'] {
  const [before, after] = [partsOf(recorded), partsOf(now)];
  const named = [...new Set([...before.keys(), ...after.keys()])].filter((part) => before.get(part) !== after.get(part));
  const parts = named.map((what) => ({ what, recorded: before.get(what) ?? 'none', now: after.get(what) ?? 'none' }));
  return [{ what: 'build hash', recorded: hash, now: buildHash(now) }, ...parts.slice(0, SHOWN)];
}

/** e.g. `src/Token.sol:Token runtime` → its hash. */
function partsOf({ input_hash, settings_hash, sources, contracts }: BuildManifest): ReadonlyMap<string, string> {
  const parts = new Map([
    ['input', input_hash as string],
    ['settings', settings_hash],
  ]);
  for (const { path, hash } of sources) parts.set(`source ${path}`, hash);
  for (const { source, name, creation, runtime, ...more } of contracts) {
    const named = `${source}:${name}`;
    parts.set(`${named} creation code`, creation?.hash ?? 'none');
    parts.set(`${named} runtime code`, runtime?.hash ?? 'none');
    parts.set(`${named} interface`, more.abi_hash);
    parts.set(`${named} metadata`, more.metadata_hash ?? 'none');
    parts.set(`${named} storage layout`, more.storage_layout_hash ?? 'none');
    parts.set(`${named} open libraries`, more.open_libraries.join(', '));
  }
  return parts;
}
