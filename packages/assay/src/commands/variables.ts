/**
 * `assay variables`: what the owners of an agent set. Owners' keys come from files or `ASSAY_OWNER_KEY`, never from the command line. Hidden
 * values are sealed to a key of the keyset that was just verified; nothing else leaves.
 */

import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { decodeUtf8 } from '@assay/encoding/bytes';
import { type JsonObject, parseJson } from '@assay/encoding/json';
import { bytesOf, type Hex, ownerMessageHash, signDigest } from '@assay/operator';
import type { Command } from 'commander';
import { agentApi } from '../command-line/agent-api.ts';
import { type AgentFlags, agentOf, agentOptions, withAgent } from '../command-line/agent-connection.ts';
import { showChange } from '../command-line/change-to-sign.ts';
import type { Finish } from '../command-line/command.ts';
import { CliError } from '../command-line/errors.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { append } from '../command-line/options.ts';
import { jsonText, printable, styleOf } from '../command-line/output.ts';
import { ownerKeys } from '../command-line/owner-keys.ts';
import { MAX_SETTING_BYTES, readFileOf } from '../command-line/subject.ts';
import { fetchHistory, verifyHistoryFile } from '../command-line/variable-history.ts';
import type { Agent } from '../index.ts';
import { isAttestedAgent, variableEntry } from '../owners/variable-change.ts';

interface JsonFlags extends AgentFlags {
  readonly json?: boolean;
}
interface KeyFlags {
  readonly keyFile?: readonly string[];
}
interface SetFlags extends JsonFlags, KeyFlags {
  readonly valueFile?: string;
  readonly public?: boolean;
  readonly immutable?: boolean;
  readonly expires: string;
  readonly save?: string;
}
interface SignFlags extends KeyFlags {
  readonly agentId?: string;
  readonly type: string;
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
  keyOptions(agentOptions(command.command('set')))
    .description('set one variable, signed by owners')
    .argument('<name>', 'a variable of the manifest')
    .option('--value-file <file>', 'the value; - is standard input')
    .option('--public', 'show the value from now on; there is no way back')
    .option('--immutable', 'never change it again')
    .option('--expires <seconds>', 'how long the message is good', '600')
    .option('--save <file>', 'write the signed change instead of sending it, for other owners to sign')
    .option('--json', 'machine-readable')
    .action(async (name: string, flags: SetFlags) => finish(await reach(flags, io, (agent) => set(agent, name, flags, io))));
  keyOptions(command.command('sign'))
    .description('show a change that set --save wrote, check it, and add an owner')
    .argument('<file>', 'the change')
    .option('--agent-id <id>', 'the agent that you sign for, as assay variables list shows it')
    .option('--type <type>', 'the type of message that you mean to sign, if it is no SetVariable', 'SetVariable')
    .action(async (file: string, flags: SignFlags) => finish(await sign(file, flags, io)));
  agentOptions(command.command('send'))
    .description('send a change that enough owners signed')
    .argument('<file>', 'the change')
    .option('--json', 'machine-readable')
    .action(async (file: string, flags: JsonFlags) => finish(await reach(flags, io, (agent) => send(agent, file, flags, io))));
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

function keyOptions(command: Command): Command {
  return command.option('--key-file <file>', "an owner's private key, hex; again for more owners; or ASSAY_OWNER_KEY", append);
}

function reach(
  flags: AgentFlags & { readonly json?: boolean },
  io: Io,
  work: (agent: Agent) => Promise<ExitCode>,
): Promise<ExitCode> {
  return withAgent(() => agentOf(flags, io), io, flags, work);
}

/** What the agent shows of its state, for the agent id that its attested keyset names. */
async function configOf(agent: Agent): Promise<JsonObject> {
  const config = await agentApi(agent).get('api/v1/config');
  const { subject } = agent.attested.keyset;
  if (!isAttestedAgent(agent.attested.keyset, config.agent_id))
    throw new CliError(
      'cli/agent-failed',
      `expected the agent id of the attested keyset, ${subject ?? 'none'}, got ${String(config.agent_id)}; do not sign for this agent`,
    );
  return config;
}

async function list(agent: Agent, flags: JsonFlags, io: Io): Promise<ExitCode> {
  const { agent_id: id, variables, control } = await configOf(agent);
  if (flags.json === true) {
    io.stdout(jsonText({ agent_id: id, variables, control }));
    return EXIT.accepted;
  }
  const style = styleOf(io);
  io.stdout(`agent  ${printable(String(id))}\n`);
  for (const row of (variables ?? []) as readonly JsonObject[]) {
    const words = [String(row.visibility), String(row.mutability), `version ${String(row.version)}`].join(', ');
    const value = row.visibility === 'public' ? `  ${JSON.stringify(row.value)}` : '';
    io.stdout(`${style.strong(printable(String(row.name)))}  ${printable(words)}${printable(value)}\n`);
  }
  return EXIT.accepted;
}

async function set(agent: Agent, name: string, flags: SetFlags, io: Io): Promise<ExitCode> {
  const keys = await ownerKeys(flags.keyFile ?? [], io);
  if (!/^[1-9][0-9]{0,8}$/.test(flags.expires))
    throw new CliError('cli/bad-option', `--expires: expected seconds, got ${JSON.stringify(flags.expires)}; write 600`);
  const value = await givenValue(flags, io);
  const config = await configOf(agent);
  const current = ((config.variables ?? []) as readonly JsonObject[]).find((row) => row.name === name);
  if (current === undefined)
    throw new CliError(
      'cli/bad-option',
      `expected a variable of the manifest, got ${JSON.stringify(name)}; assay variables list shows them`,
    );
  const { policy } = config.control as { readonly policy: { readonly policy_hash: Hex } };
  const { message, ...content } = await variableEntry({
    ...{ agentId: config.agent_id as Hex, keyset: agent.attested.keyset, current: current as never, value },
    ...{ makePublic: flags.public === true, makeImmutable: flags.immutable === true, policyHash: policy.policy_hash },
    expiry: Math.floor(io.now() / 1000) + Number(flags.expires),
  });
  const digest = bytesOf(ownerMessageHash(message));
  const entry = { message, signatures: keys.map((key) => signDigest(digest, key)), ...content };
  for (const key of keys) key.fill(0);
  if (flags.save !== undefined) {
    await writeFile(resolve(io.cwd, flags.save), jsonText(entry));
    io.stdout(`${flags.save}: signed by ${entry.signatures.length}; other owners add themselves with assay variables sign\n`);
    return EXIT.accepted;
  }
  return post(agent, entry, flags, io);
}

async function sign(file: string, flags: SignFlags, io: Io): Promise<ExitCode> {
  const entry = await entryOf(file, io);
  const message = showChange(entry, { agentId: flags.agentId, type: flags.type }, io);
  const digest = bytesOf(ownerMessageHash(message));
  const keys = await ownerKeys(flags.keyFile ?? [], io);
  const signatures = [...(entry.signatures as readonly string[]), ...keys.map((key) => signDigest(digest, key))];
  for (const key of keys) key.fill(0);
  await writeFile(resolve(io.cwd, file), jsonText({ ...entry, signatures: [...new Set(signatures)] }));
  io.stdout(`${file}: signed by ${new Set(signatures).size}\n`);
  return EXIT.accepted;
}

async function send(agent: Agent, file: string, flags: JsonFlags, io: Io): Promise<ExitCode> {
  await configOf(agent);
  return post(agent, await entryOf(file, io), flags, io);
}

async function post(agent: Agent, entry: object, flags: JsonFlags, io: Io): Promise<ExitCode> {
  const changed = await agentApi(agent).post('api/v1/variables', { variables: [entry] });
  if (flags.json === true) io.stdout(jsonText(changed));
  else io.stdout(`${styleOf(io).good('set')}  receipt ${printable(String(changed.receipt_id))}\n`);
  return EXIT.accepted;
}

async function entryOf(file: string, io: Io): Promise<JsonObject> {
  const value = parseJson(await readFileOf(io, file, MAX_SETTING_BYTES));
  if (typeof value === 'object' && value !== null && 'message' in value && 'signatures' in value) return value as JsonObject;
  throw new CliError('cli/bad-option', `${file}: expected a change that assay variables set --save wrote; write it again`);
}

async function givenValue({ valueFile }: SetFlags, io: Io): Promise<string> {
  if (valueFile === undefined)
    throw new CliError('cli/bad-option', '--value-file is needed: a file with the value, or - for standard input');
  const tooLong = (): CliError => new CliError('cli/input-too-large', 'expected a value of at most 64 KiB; send a shorter one');
  const bytes = valueFile === '-' ? await io.stdin(65_536, tooLong) : await readFileOf(io, valueFile, 65_536);
  return decodeUtf8(bytes);
}

/** 32 bytes each. @throws {CliError} `cli/bad-option`; the key is never repeated. */
