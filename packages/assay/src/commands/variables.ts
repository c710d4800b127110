/**
 * `assay variables`: what the owners of an agent set. Owners' keys come from files or `ASSAY_OWNER_KEY`, never from the command line. Hidden
 * values are sealed to a key of the keyset that was just verified; nothing else leaves.
 */

import { decodeUtf8 } from '@assay/encoding/bytes';
import type { Command } from 'commander';
import { type AgentFlags, agentOf, agentOptions, withAgent } from '../command-line/agent-connection.ts';
import type { Finish } from '../command-line/command.ts';
import { CliError } from '../command-line/errors.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { wrapped } from '../command-line/layout.ts';
import { nearest } from '../command-line/near-miss.ts';
import { jsonText, printable, styleOf } from '../command-line/output.ts';
import { ownedConfig } from '../command-line/owned-agent.ts';
import {
  type ChangeFlags,
  changeOptions,
  expiryOf,
  fileOptions,
  type OwnerCall,
  type SignFlags,
  sendFile,
  signAndPass,
  signFile,
} from '../command-line/owner-change.ts';
import { readFileOf } from '../command-line/subject.ts';
import { fetchHistory, verifyHistoryFile } from '../command-line/variable-history.ts';
import type { Agent } from '../index.ts';
import type { ShownAgent, ShownVariable } from '../owners/shown-agent.ts';
import { variableEntry } from '../owners/variable-change.ts';

interface JsonFlags extends AgentFlags {
  readonly json?: boolean;
}
interface SetFlags extends AgentFlags, ChangeFlags {
  readonly valueFile?: string;
  readonly public?: boolean;
  readonly immutable?: boolean;
}
interface VerifyFlags {
  readonly simulatedRoot?: string;
  readonly policy?: string;
  readonly json?: boolean;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  agentOptions(command.command('list'))
    .description('what is set, values of public variables among it')
    .option('--json', 'machine-readable')
    .action(async (flags: JsonFlags) => finish(await reach(flags, io, (agent) => list(agent, flags, io))));
  changeOptions(agentOptions(command.command('set')))
    .description('set one variable, signed by owners')
    .argument('<name>', 'a variable of the manifest')
    .option('--value-file <file>', 'the value; - is standard input')
    .option('--public', 'show the value from now on; there is no way back')
    .option('--immutable', 'never change it again')
    .action(async (name: string, flags: SetFlags) =>
      finish(await reach(flags, io, (agent) => set(name, { agent, flags, io }))),
    );
  fileOptions(command.command('sign'), 'SetVariable')
    .description('show a change that set --save wrote, check it, and add an owner')
    .action(async (file: string, flags: SignFlags) => finish(await signFile(file, flags, io)));
  agentOptions(command.command('send'))
    .description('send a change that enough owners signed')
    .argument('<file>', 'the change')
    .option('--json', 'machine-readable')
    .action(async (file: string, flags: JsonFlags) =>
      finish(await reach(flags, io, (agent) => sendFile(file, { agent, flags, io }))),
    );
  agentOptions(command.command('history'))
    .description('every change of owners as one bundle, checked')
    .option('-o, --output <file>', 'keep the bundle')
    .option('--json', 'machine-readable')
    .action(async (flags: JsonFlags & { readonly output?: string }) =>
      finish(await reach(flags, io, (agent) => fetchHistory(agent, flags, io))),
    );
  command
    .command('verify')
    .description('recheck a bundle of changes offline: who signed what, in which order')
    .argument('<bundle>', 'of assay variables history: file, URL, or - for standard input')
    .option('--policy <file|preset>', 'policy file, or strict, moderate, relaxed')
    .option('--simulated-root <file>', "accept a simulator's evidence under this root, marked as simulated")
    .option('--json', 'machine-readable')
    .action(async (bundle: string, flags: VerifyFlags) => finish(await verifyHistoryFile(bundle, flags, io)));
}

function reach(
  flags: AgentFlags & { readonly json?: boolean },
  io: Io,
  work: (agent: Agent) => Promise<ExitCode>,
): Promise<ExitCode> {
  return withAgent(() => agentOf(flags, io), io, flags, work);
}

async function list(agent: Agent, flags: JsonFlags, io: Io): Promise<ExitCode> {
  const { agent_id: id, variables, control } = await ownedConfig(agent);
  if (flags.json === true) {
    io.stdout(jsonText({ agent_id: id, variables, control }));
    return EXIT.accepted;
  }
  const style = styleOf(io);
  // Owners give it back, to sign and to compare.
  io.stdout(`agent  ${printable(id, { full: true })}\n`);
  for (const { name, visibility, mutability, version, value } of variables) {
    const words = printable([visibility, mutability, `version ${version}`].join(', '));
    const shown = visibility === 'public' ? `  ${printable(JSON.stringify(value))}` : '';
    io.stdout(wrapped(`${style.strong(printable(name))}  ${words}${shown}`, io.columns, 4));
  }
  return EXIT.accepted;
}

async function set(name: string, { agent, flags, io }: OwnerCall<SetFlags>): Promise<ExitCode> {
  const expiry = expiryOf(flags, io);
  const value = await givenValue(flags, io);
  const config = await ownedConfig(agent);
  const current = variableNamed(name, config);
  const change = await variableEntry({
    ...{ agentId: config.agent_id, keyset: agent.attested.keyset, current, value },
    ...{ makePublic: flags.public === true, makeImmutable: flags.immutable === true, expiry },
    policyHash: config.control.policy.policy_hash,
  });
  return signAndPass(change, config, { agent, flags, io });
}

/** @throws {CliError} `cli/bad-option` for a name that the manifest does not have. */
function variableNamed(name: string, { variables }: ShownAgent): ShownVariable {
  const found = variables.find((row) => row.name === name);
  if (found !== undefined) return found;
  const near = nearest(
    name,
    variables.map((row) => row.name),
  );
  throw new CliError(
    'cli/bad-option',
    `expected a variable of the manifest, got ${JSON.stringify(name.slice(0, 80))}; ${near === null ? 'assay variables list shows them' : `did you mean ${near}?`}`,
  );
}

async function givenValue({ valueFile }: SetFlags, io: Io): Promise<string> {
  if (valueFile === undefined)
    throw new CliError('cli/bad-option', '--value-file is needed: a file with the value, or - for standard input');
  const tooLong = (): CliError => new CliError('cli/input-too-large', 'expected a value of at most 64 KiB; send a shorter one');
  const bytes = valueFile === '-' ? await io.stdin(65_536, tooLong) : await readFileOf(io, valueFile, 65_536);
  return decodeUtf8(bytes);
}
