/** Compiles the build of a receipt again, here, and says whether the same manifest comes out (spec/contract-build.md §4). */

import { resolve } from 'node:path';
import {
  type BuildManifest,
  buildHash,
  buildManifest,
  compilerText,
  parseCompilerOutput,
  parseStandardInput,
} from '@assay/contracts';
import { parseJson } from '@assay/encoding/json';
import type { Io } from './io.ts';

export interface BuildSources {
  readonly receiptId: string;
  readonly events: readonly Readonly<Record<string, unknown>>[];
  /** The bytes of a payload by `sha256:<hex>`, `null` when the bundle leaves them out. */
  readonly payload: (digest: string) => Uint8Array | null;
}

export interface ReplayedBuild {
  readonly name: string;
  readonly outcome: 'identical' | 'differs' | 'inconclusive';
  readonly notes: readonly string[];
  readonly differences: readonly { readonly what: string; readonly recorded: string; readonly now: string }[];
}

const COMPILE_MS = 300_000;

/** `null` for a receipt without a build. */
export async function replayBuild({ receiptId, events, payload }: BuildSources, io: Io): Promise<ReplayedBuild | null> {
  const built = events.find(({ type }) => type === 'contract.built');
  if (built === undefined) return null;
  const name = `build of ${receiptId}`;
  const undecided = (note: string): ReplayedBuild => ({ name, outcome: 'inconclusive', notes: [note], differences: [] });
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
    const now = buildHash(buildManifest({ compiler: recorded.compiler, input, output: parseCompilerOutput(text) }));
    const same = now === built.build_hash;
    const differences = same ? [] : [{ what: 'build hash', recorded: String(built.build_hash), now }];
    return { name, outcome: same ? 'identical' : 'differs', notes: [], differences };
  } finally {
    await compilers.close();
  }
}
