/** `assay operator`: what only the operator of an agent may do. Its key comes from `ASSAY_OPERATOR_KEY`, never from the command line. */

import { type Command, InvalidArgumentError } from 'commander';
import { agentApi } from '../command-line/agent-api.ts';
import { type AgentFlags, agentOf, agentOptions, withAgent } from '../command-line/agent-connection.ts';
import type { Finish } from '../command-line/command.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { wrapped } from '../command-line/layout.ts';
import { operatorKeyHeader } from '../command-line/operator-key.ts';
import { jsonText, printable, styleOf } from '../command-line/output.ts';
import type { Agent } from '../index.ts';

interface RotateFlags extends AgentFlags {
  readonly overlap?: number;
  readonly json?: boolean;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  agentOptions(command.command('rotate-keys'))
    .description('put the next keyset in force; clients verify the agent again by themselves')
    .option('--overlap <seconds>', 'how long the old keys still open requests; 0 ends them at once', wholeSeconds)
    .option('--json', 'machine-readable')
    .action(async (flags: RotateFlags) => finish(await rotateKeys(flags, io)));
}

function wholeSeconds(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError('expected a whole number of seconds from 0.');
  return Number(text);
}

async function rotateKeys(flags: RotateFlags, io: Io): Promise<ExitCode> {
  const headers = operatorKeyHeader(io);
  // The clients' key has no business here.
  return withAgent(
    () => agentOf({ ...flags, apiKey: null }, io),
    io,
    flags,
    (agent) => rotate(agent, headers, flags, io),
  );
}

async function rotate(agent: Agent, headers: Readonly<Record<string, string>>, flags: RotateFlags, io: Io): Promise<ExitCode> {
  const body = flags.overlap === undefined ? {} : { overlap_seconds: flags.overlap };
  const rotated = await agentApi(agent).post('api/operator/rotate-keys', body, headers);
  if (flags.json === true) io.stdout(jsonText(rotated));
  else {
    const ends = new Date(Number(rotated.previous_ends_at) * 1000).toISOString();
    const whole = (digest: unknown): string => printable(String(digest), { full: true });
    io.stdout(`${styleOf(io).good('new keyset in force')}\n  ${whole(rotated.keyset_digest)}\n`);
    io.stdout(`old keyset, opens requests until ${ends}\n  ${whole(rotated.previous_digest)}\n`);
    io.stderr(wrapped(`hint: ${nextAfter(flags)}`, io.columns, 6));
  }
  return EXIT.accepted;
}

/** What comes next: as a rule nothing. */
function nextAfter({ overlap }: RotateFlags): string {
  const clients = 'clients verify the agent again by themselves, and receipts under the old keyset stay valid';
  return overlap === 0 ? clients : `${clients}; if an old key may be known to others, end it at once with --overlap 0`;
}
