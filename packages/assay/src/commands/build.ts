/** `assay build`: compiles contracts at an attested agent and keeps what shows it. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { agentOptions } from '../command-line/agent-connection.ts';
import type { Finish } from '../command-line/command.ts';
import { type CompileFlags, compileMembers, compileOptions } from '../command-line/compile-options.ts';
import { contractFailure } from '../command-line/contract-failure.ts';
import { type ProjectFlags, readContracts } from '../command-line/contract-project.ts';
import { type ContractTaskFlags, contractTask } from '../command-line/contract-task.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { table } from '../command-line/layout.ts';
import { jsonText, printable, styleOf } from '../command-line/output.ts';
import { saveAnswer } from '../command-line/save-answer.ts';
import type { RunResult } from '../index.ts';

interface BuildFlags extends ContractTaskFlags, ProjectFlags, CompileFlags {
  readonly save?: string;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  compileOptions(agentOptions(command))
    .argument('<path>', 'a .sol file, a project folder, a standard JSON input, a build-info file, or a .zip')
    .option('--save <folder>', 'write answer, manifest, contracts and bundle there')
    .option('--json', "the agent's whole answer")
    .option('--quiet', 'no steps')
    .action(async (path: string, flags: BuildFlags) => finish(await build(path, flags, io)));
}

function build(path: string, flags: BuildFlags, io: Io): Promise<ExitCode> {
  const request = { type: 'attested_build', ...readContracts(io, path, flags), ...compileMembers(flags) };
  return contractTask(request, flags, io, (result) => present(result, flags, io));
}

async function present(result: RunResult, flags: BuildFlags, io: Io): Promise<ExitCode> {
  const saved = flags.save === undefined ? null : await saveAnswer(result, resolve(io.cwd, flags.save));
  const { success } = result;
  if (flags.json === true) io.stdout(jsonText(result.answer));
  if (!success) return contractFailure(result, flags.json === true, io);
  if (flags.json === true) return EXIT.accepted;
  const style = styleOf(io);
  const { build } = result.answer as unknown as { readonly build: BuiltManifest };
  const rows = build.contracts.map(({ source, name, creation, runtime }) => [
    `${printable(source)}:${style.strong(printable(name))}`,
    creation === null ? style.faint('no code') : `${creation.length} bytes`,
    runtime === null ? '' : printable(runtime.keccak256, { full: true }),
  ]);
  io.stdout(table([[style.faint('contract'), style.faint('creation'), style.faint('code hash')], ...rows]));
  const { buildHash } = result.answer.result as { readonly buildHash: string };
  io.stdout(`build    ${printable(buildHash, { full: true })}\n`);
  io.stdout(`compiler solc ${printable(build.compiler.version)}\n`);
  io.stdout(`receipt  ${printable(String(result.answer.receipt_id))}\n`);
  io.stderr(
    saved === null
      ? 'hint: --save keeps contracts, manifest and bundle\n'
      : `saved  ${saved.join(', ')}\nhint: check it with assay verify ${printable(String(flags.save))}/bundle.json\n`,
  );
  return EXIT.accepted;
}

interface BuiltManifest {
  readonly compiler: { readonly version: string };
  readonly contracts: readonly {
    readonly source: string;
    readonly name: string;
    readonly creation: { readonly length: number } | null;
    readonly runtime: { readonly keccak256: string } | null;
  }[];
}
