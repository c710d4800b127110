/** `assay bundle`: fetch the offline bundle of one or more receipts. */

import type { Command } from 'commander';
import { agentApi } from '../command-line/agent-api.ts';
import { type AgentFlags, agentOf, agentOptions, withAgent } from '../command-line/agent-connection.ts';
import type { Finish } from '../command-line/command.ts';
import { PRIVATE, writeFileOf } from '../command-line/destination.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { rootArgument } from '../command-line/root-hint.ts';
import { terminalHint } from '../command-line/terminal-hint.ts';
import type { Agent } from '../index.ts';

interface BundleFlags extends AgentFlags {
  readonly redact?: boolean;
  readonly output?: string;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  agentOptions(command)
    .argument('<id...>', 'rcpt_…; several go into one file')
    .option('-o, --output <file>', 'write here instead of standard output')
    .option('--redact', 'leave the payloads out; the bundle still verifies')
    .action(async (ids: readonly string[], flags: BundleFlags) => finish(await bundle(ids, flags, io)));
}

function bundle(ids: readonly string[], flags: BundleFlags, io: Io): Promise<ExitCode> {
  return withAgent(
    () => agentOf(flags, io),
    io,
    flags,
    (agent) => write(agent, ids, flags, io),
  );
}

async function write(agent: Agent, ids: readonly string[], flags: BundleFlags, io: Io): Promise<ExitCode> {
  const bytes = await agentApi(agent).bytes(
    `bundles/${ids.map(encodeURIComponent).join(',')}${flags.redact === true ? '?redact=1' : ''}`,
  );
  if (flags.output === undefined) {
    io.stdout(new TextDecoder().decode(bytes));
    terminalHint('-o bundle.json writes it to a file, which assay verify bundle.json checks', io);
    return EXIT.accepted;
  }
  await writeFileOf(io, flags.output, bytes, flags.redact === true ? {} : PRIVATE);
  const root = rootArgument(agent.attested.verdict.simulated, flags, io);
  io.stdout(`${flags.output}: ${bytes.length} bytes; check it with assay verify ${flags.output}${root}\n`);
  return EXIT.accepted;
}
