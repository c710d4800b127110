/** One claimed exploit, run: compiles the attacker's contract, has the machine run the case in the sandbox, and decides what it showed. */

import {
  buildHash,
  type CompilerOutput,
  type ContractArtifact,
  compileErrors,
  compilerText,
  contractArtifacts,
  decideExploit,
  digestOf,
  parseCompilerOutput,
  parseObservations,
} from '@assay/contracts';
import { isCoded } from '@assay/encoding/coded-error';
import { canonicalJson } from '@assay/encoding/json';
import type { SandboxResult } from '@assay/sandbox';
import type { OpenAnalyzer } from '../../../ports/analyzer.ts';
import type { Compilation } from '../../compile-project.ts';
import type { ContractProject } from '../../contract-project.ts';
import type { TaskContext } from '../../task.ts';
import { recordExecution } from '../record-execution.ts';
import { buildCase, NoCase } from './build-case.ts';
import type { ClaimedExploit } from './reply.ts';

/** Name of the source that the model's contract gets. */
const ATTACK_SOURCE = 'assay-exploit/Attack.sol';
const ATTACK = 'Attack';
const MOST_RUN_MS = 60_000;

export interface ExploitWork {
  readonly analyzer: OpenAnalyzer;
  /** The machine's program, and the hash of its payload. */
  readonly evm: { readonly code: string; readonly hash: string };
  readonly project: ContractProject;
  readonly compilation: Compilation & { readonly kind: 'compiled' };
  readonly isDependency: (source: string) => boolean;
  /** Wall time that is left, milliseconds. */
  readonly left: () => number;
}

/** What came of a claimed exploit. `demonstrated: false` says why not. */
export interface Demonstration {
  readonly demonstrated: boolean;
  readonly what: string;
  /** Of standard input and output of the run; `null` when nothing ran. */
  readonly case_hash: string | null;
  readonly observations_hash: string | null;
}

/**
 * Runs it. Whatever the model wrote wrongly is an outcome, not an error; only an end of the whole task throws.
 * @throws the reason of the task's signal, and faults of the agent itself.
 */
export async function demonstrate(
  exploit: ClaimedExploit,
  work: ExploitWork,
  { context, number }: { readonly context: TaskContext; readonly number: number },
): Promise<Demonstration> {
  const { analyzer, evm, compilation } = work;
  try {
    const artifact = targetOf(exploit, compilation.output, work.isDependency);
    const attack = exploit.attack_source == null ? null : await attackCode(exploit.attack_source, work, context);
    const evmVersion = work.project.input.settings.evmVersion;
    const built = buildCase({
      ...{ exploit, artifact, attack, buildHash: buildHash(compilation.manifest) },
      evmVersion: typeof evmVersion === 'string' ? evmVersion : null,
    });
    const stdin = canonicalJson(built);
    const place = `claims/${number}`;
    const result = await runMachine(analyzer, { code: evm.code, stdin, wallMs: Math.min(work.left(), MOST_RUN_MS) }, context);
    const run = { place, attempt: number + 1, language: 'javascript', codeHash: evm.hash, stdin } as const;
    recordExecution(context.draft, result, run);
    context.signal.throwIfAborted();
    const hashes = { case_hash: digestOf(stdin), observations_hash: digestOf(result.stdout.text) };
    if (result.status !== 'ok')
      return {
        demonstrated: false,
        what: `its run ended with ${result.status}${result.error === null ? '' : `: ${result.error.message.slice(0, 200)}`}`,
        ...hashes,
      };
    const { broken, what } = decideExploit(built, parseObservations(result.stdout.text));
    return { demonstrated: broken, what, ...hashes };
  } catch (error) {
    if (context.signal.aborted) throw error;
    const why = error instanceof NoCase || isCoded(error) ? error.message : null;
    if (why === null) throw error;
    return { demonstrated: false, what: why.slice(0, 500), case_hash: null, observations_hash: null };
  }
}

/** The contract of the build that is attacked: `source:name`, or a name that occurs once. */
function targetOf(
  { target }: ClaimedExploit,
  output: CompilerOutput,
  isDependency: (source: string) => boolean,
): ContractArtifact {
  const found = Object.values(contractArtifacts(output)).filter(
    ({ source, name }) => `${source}:${name}` === target || name === target,
  );
  const [only, ...others] = found;
  if (only === undefined || others.length > 0)
    throw new NoCase(
      `${JSON.stringify(target.slice(0, 100))} names ${found.length} contracts of the build; name it as source:Contract`,
    );
  if (isDependency(only.source)) throw new NoCase(`${only.name} is in a dependency`);
  return only;
}

/** Creation code of the model's contract, compiled with the sources of the build but never in place of them. */
async function attackCode(source: string, work: ExploitWork, { ports, signal }: TaskContext): Promise<string> {
  const { input } = work.project;
  const { version } = work.compilation.release;
  const text = compilerText({ ...input, sources: { ...input.sources, [ATTACK_SOURCE]: source } });
  const output = parseCompilerOutput(await ports.compilers.compile({ version, input: text, wallMs: work.left(), signal }));
  const [error] = compileErrors(output);
  if (error !== undefined) throw new NoCase(`its attack_source does not compile: ${error.formatted.trim().slice(0, 400)}`);
  const attack = output.contracts.find(({ source: from, name }) => from === ATTACK_SOURCE && name === ATTACK);
  const code = attack?.creation.object ?? '';
  if (!/^[0-9a-f]+$/.test(code)) throw new NoCase(`its attack_source has no contract ${ATTACK} that can be deployed by itself`);
  return `0x${code}`;
}

async function runMachine(
  { sandbox }: OpenAnalyzer,
  { code, stdin, wallMs }: { readonly code: string; readonly stdin: string; readonly wallMs: number },
  { signal }: TaskContext,
): Promise<SandboxResult> {
  const limits = { wallMs: Math.max(1000, Math.round(wallMs)) };
  for await (const event of sandbox.run({ language: 'javascript', code, stdin, limits, signal })) {
    if (event.type === 'result') return event.result;
  }
  throw new NoCase('the sandbox ended without a result');
}
