/** One compilation, as builds and audits do it: chooses the compiler, compiles, reads the output, and makes the build's manifest. */

import {
  type BuildManifest,
  buildManifest,
  type CompilerMessage,
  type CompilerOutput,
  chooseCompiler,
  compileErrors,
  compilerText,
  parseCompilerOutput,
} from '@assay/contracts';
import type { CompilerRelease, Compilers } from '../ports/compilers.ts';
import type { ContractProject } from './contract-project.ts';
import type { TaskContext, WorkEnding } from './task.ts';

export type Compilation =
  | {
      readonly kind: 'compiled';
      readonly release: CompilerRelease;
      readonly output: CompilerOutput;
      readonly manifest: BuildManifest;
    }
  | { readonly kind: 'failed'; readonly release: CompilerRelease; readonly errors: readonly CompilerMessage[] };

const MOST_ERRORS = 20;
const MOST_ERROR_TEXT = 16 * 1024;

/**
 * Compiles a project within `wallMs`.
 * @throws {ContractsError} `project/pragma-unmet`, `compiler/output-malformed`; {@link Compilers.compile}'s codes.
 */
export async function compileProject(
  project: ContractProject,
  wallMs: number,
  { ports, signal, emit, holdInputs }: TaskContext,
): Promise<Compilation> {
  const { compilers } = ports;
  const { input } = project;
  const release = compilerFor(project, compilers);
  const { version } = release;
  emit({ type: 'compiling', compiler: version, sources: Object.keys(input.sources).length });
  const text = compilerText(input);
  holdInputs(text.length);
  const output = parseCompilerOutput(await compilers.compile({ version, input: text, wallMs, signal }));
  const errors = compileErrors(output);
  emit({ type: 'compiled', contracts: output.contracts.length, errors: errors.length });
  if (errors.length > 0) return { kind: 'failed', release, errors };
  const compiler = {
    name: 'solc' as const,
    version: release.longVersion,
    platform: 'emscripten' as const,
    hash: `sha256:${release.sha256}` as const,
  };
  return { kind: 'compiled', release, output, manifest: buildManifest({ compiler, input, output }) };
}

/**
 * The compiler for a project, of those there.
 * @throws {ContractsError} `project/pragma-unmet` where none fits.
 */
export function compilerFor({ input, wanted }: ContractProject, { releases }: Pick<Compilers, 'releases'>): CompilerRelease {
  const there = releases.map(({ version }) => version);
  const chosen = chooseCompiler(input.sources, wanted, there);
  return releases.find(({ version }) => version === chosen) as CompilerRelease;
}

/** The ending of work on sources that do not compile: the compiler's own words, with line and caret. */
export function compileFailure({ release, errors }: Compilation & { readonly kind: 'failed' }): WorkEnding {
  const shown = errors.slice(0, MOST_ERRORS).map(({ formatted }) => formatted.trim());
  const text = shown.join('\n\n').slice(0, MOST_ERROR_TEXT);
  const s = errors.length === 1 ? '' : 's';
  return {
    status: 'failed',
    message: `solc ${release.version} found ${errors.length} error${s}`,
    error: text,
    code: 'contract/compile-failed',
  };
}
