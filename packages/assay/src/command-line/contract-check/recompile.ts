/** Compiles the input of a build again with other comments, here, to find where its code holds hashes of metadata. */

import { resolve } from 'node:path';
import { codeBytes, compilerText, parseCompilerOutput, withOtherMetadata } from '@assay/contracts';
import type { Io } from '../io.ts';
import type { AttestedBuild } from './attested-build.ts';

const COMPILE_MS = 300_000;

/** Runtime code by `source:name`; `null` when the very same compiler is not installed here. */
export async function recompile({ input, compiler }: AttestedBuild, io: Io): Promise<ReadonlyMap<string, Uint8Array> | null> {
  const { installedCompilers, openCompilers } = await import('@assay/agent');
  const { ASSAY_COMPILERS_DIR: named, ASSAY_DATA_DIR: data } = io.env;
  const folder = resolve(io.cwd, named || `${data || '.assay'}/compilers`);
  const release = installedCompilers(folder).find(({ sha256 }) => `sha256:${sha256}` === compiler.hash);
  if (release === undefined) return null;
  const compilers = openCompilers({ folder });
  try {
    const text = compilerText({ ...input, sources: withOtherMetadata(input.sources) });
    const output = parseCompilerOutput(
      await compilers.compile({ version: release.version, input: text, wallMs: COMPILE_MS, signal: io.signal }),
    );
    return new Map(output.contracts.map(({ source, name, runtime }) => [`${source}:${name}`, codeBytes(runtime)]));
  } finally {
    await compilers.close();
  }
}
