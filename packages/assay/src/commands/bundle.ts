/** `assay bundle`: fetch the offline bundle of one or more receipts. */

import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type AgentApi, agentApi } from '../command-line/agent-api.ts';
import { type AgentFlags, agentOf, agentOptions, withAgent } from '../command-line/agent-connection.ts';
import type { Finish } from '../command-line/command.ts';
import { CliError } from '../command-line/errors.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';

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
    { json: false },
    (agent) => write(agentApi(agent), ids, flags, io),
  );
}

async function write(agent: AgentApi, ids: readonly string[], flags: BundleFlags, io: Io): Promise<ExitCode> {
  const bytes = await agent.bytes(
    `bundles/${ids.map(encodeURIComponent).join(',')}${flags.redact === true ? '?redact=1' : ''}`,
  );
  if (flags.output === undefined) {
    io.stdout(new TextDecoder().decode(bytes));
    return EXIT.accepted;
  }
  try {
    await writeFile(resolve(io.cwd, flags.output), bytes);
  } catch (cause) {
    throw new CliError(
      'cli/file-unwritable',
      `cannot write ${flags.output}: ${(cause as NodeJS.ErrnoException).code}; check the path`,
      { cause },
    );
  }
  io.stdout(`${flags.output}: ${bytes.length} bytes; check it with assay verify ${flags.output}\n`);
  return EXIT.accepted;
}
