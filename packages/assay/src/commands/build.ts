/** `assay build`: compiles contracts at an attested agent and keeps what shows it. */

import { basename, resolve } from 'node:path';
import { type ContractArtifact, comparePublished } from '@assay/contracts';
import { counted } from '@assay/encoding/counted';
import { parseLooseJson } from '@assay/encoding/json';
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
import { readFileOf } from '../command-line/subject.ts';
import { buildIn, type RunResult } from '../index.ts';

interface BuildFlags extends ContractTaskFlags, ProjectFlags, CompileFlags {
  readonly save?: string;
  readonly compare?: string;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  compileOptions(agentOptions(command))
    .argument('<path>', 'a .sol file, a project folder, a standard JSON input, a build-info file, or a .zip')
    .option(
      '--compare <file|0x…>',
      'a published artifact, a build-info file, or a code hash: ends with 6 when the build differs',
    )
    .option('--save <folder>', 'write answer, manifest, contracts and bundle there')
    .option('--json', "the agent's whole answer")
    .option('--quiet', 'no steps')
    .action(async (path: string, flags: BuildFlags) => finish(await build(path, flags, io)));
}

async function build(path: string, flags: BuildFlags, io: Io): Promise<ExitCode> {
  const published = flags.compare === undefined ? null : await publishedOf(flags.compare, io);
  const request = { type: 'attested_build', ...readContracts(io, path, flags), ...compileMembers(flags) };
  return contractTask(request, flags, io, async (result) => {
    const code = await present(result, flags, io);
    return code === EXIT.accepted && published !== null ? compared(result, published, flags, io) : code;
  });
}

interface Published {
  readonly content: unknown;
  /** Of the file, without its ending: the contract's, where the file does not say. */
  readonly name: string;
}

async function publishedOf(compare: string, io: Io): Promise<Published> {
  if (/^0x[0-9a-fA-F]{64}$/.test(compare)) return { content: compare, name: '' };
  const text = new TextDecoder().decode(await readFileOf(io, compare));
  return { content: parseLooseJson(text), name: basename(compare).split('.')[0] ?? '' };
}

/** Whether the build is what was published. */
function compared({ files }: RunResult, { content, name }: Published, flags: BuildFlags, io: Io): ExitCode {
  const bytes = files['/build/contracts.json'] ?? new Uint8Array();
  const contracts = Object.values(parseLooseJson(new TextDecoder().decode(bytes)) as Record<string, ContractArtifact>);
  const { equal, different, missing } = comparePublished(contracts, content, name);
  const style = styleOf(io);
  const write = flags.json === true ? io.stderr : io.stdout;
  for (const contract of equal) write(`${style.good('equal')}    ${printable(contract)}\n`);
  for (const { contract, what } of different) write(`${style.bad('differs')}  ${printable(contract)}: ${what}\n`);
  for (const contract of missing) write(`${style.bad('missing')}  ${printable(contract)} is not in the build\n`);
  return different.length === 0 && missing.length === 0 ? EXIT.accepted : EXIT.no;
}

async function present(result: RunResult, flags: BuildFlags, io: Io): Promise<ExitCode> {
  const saved = flags.save === undefined ? null : await saveAnswer(result, resolve(io.cwd, flags.save));
  if (flags.json === true) io.stdout(jsonText(result.answer));
  const built = buildIn(result);
  if (built === null) return contractFailure(result, flags.json === true, io);
  if (flags.json === true) return EXIT.accepted;
  const style = styleOf(io);
  const { manifest, buildHash } = built;
  const rows = manifest.contracts.map(({ source, name, creation, runtime }) => [
    `${printable(source)}:${style.strong(printable(name))}`,
    creation === null ? style.faint('no code') : counted(creation.length, 'byte'),
    runtime === null ? '' : printable(runtime.keccak256, { full: true }),
  ]);
  io.stdout(
    table([[style.faint('contract'), style.faint('creation'), style.faint('code hash')], ...rows], { columns: io.columns }),
  );
  io.stdout(`build    ${printable(buildHash, { full: true })}\n`);
  io.stdout(`compiler solc ${printable(manifest.compiler.version)}\n`);
  io.stdout(`receipt  ${printable(result.receipt.receipt_id)}\n`);
  io.stderr(
    saved === null
      ? 'hint: --save keeps contracts, manifest and bundle\n'
      : `saved  ${saved.join(', ')}\nhint: check it with assay verify ${printable(String(flags.save))}/bundle.json\n`,
  );
  return EXIT.accepted;
}
