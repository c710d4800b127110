/**
 * A change of owners on its way: signed by the keys at hand, kept in a file for other owners, sent to the agent once enough signed. The
 * console reads and writes the same JSON.
 */

import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { counted } from '@assay/encoding/counted';
import type { JsonObject } from '@assay/encoding/json';
import {
  bytesOf,
  type Hex,
  neededOwners,
  type OwnerMessage,
  ownerMessageHash,
  parseOwnerMessage,
  signDigest,
  signersOf,
} from '@assay/operator';
import type { Command } from 'commander';
import type { Agent } from '../index.ts';
import type { ShownAgent } from '../owners/shown-agent.ts';
import { agentApi } from './agent-api.ts';
import { readChangeFile } from './change-file.ts';
import { enoughSigned, type SignedEntry } from './change-to-send.ts';
import { showChange } from './change-to-sign.ts';
import { CliError } from './errors.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { Io } from './io.ts';
import { wrapped } from './layout.ts';
import { append } from './options.ts';
import { jsonText, printable, styleOf } from './output.ts';
import { ownedConfig } from './owned-agent.ts';
import { ownerKeys } from './owner-keys.ts';
import { approvedRequest } from './waiting-transactions.ts';

/** Whose keys sign. */
export interface KeyFlags {
  readonly keyFile?: readonly string[];
}

/** What becomes of a change that was signed. */
export interface ChangeFlags extends KeyFlags {
  readonly expires: string;
  readonly save?: string;
  readonly json?: boolean;
}

/** What an owner says of a file before signing it. */
export interface SignFlags extends KeyFlags {
  readonly agentId?: string;
  readonly type: string;
}

/** One call of a command: at a verified agent, with its flags. */
export interface OwnerCall<Flags = { readonly json?: boolean | undefined }> {
  readonly agent: Agent;
  readonly flags: Flags;
  readonly io: Io;
}

/** Of a new policy. */
const ENDED = 'hint: transactions that waited for an approval of owners have ended; their senders ask again';

/** Which command takes a change from a file, and how its type is named to it. */
const COMMAND_OF: Readonly<Record<string, readonly [command: string, meant: string]>> = {
  SetVariable: ['variables', ''],
  SetPolicy: ['owners', ''],
};

/** `--key-file`. */
export function keyOptions(command: Command): Command {
  return command.option('--key-file <file>', "an owner's private key, hex; again for more owners; or ASSAY_OWNER_KEY", append);
}

/** The options of {@link ChangeFlags}. */
export function changeOptions(command: Command): Command {
  return keyOptions(command)
    .option('--expires <seconds>', 'how long the message is good, for all owners to sign it and for one to send it', '3600')
    .option('--save <file>', 'write the signed change instead of sending it, for other owners to sign')
    .option('--json', 'machine-readable');
}

/** The subcommands that take a change from a file; `type` is what owners mean by default. */
export function fileOptions(command: Command, type: OwnerMessage['type']): Command {
  return keyOptions(command)
    .argument('<file>', 'the change')
    .option('--agent-id <id>', 'the agent that you sign for, whole, as assay variables list shows it')
    .option('--type <type>', `the type of message that you mean to sign, if it is no ${type}`, type);
}

/** Epoch seconds. @throws {CliError} `cli/bad-option`. */
export function expiryOf({ expires }: ChangeFlags, io: Io): number {
  if (!/^[1-9][0-9]{0,8}$/.test(expires))
    throw new CliError('cli/bad-option', `--expires: expected seconds, got ${JSON.stringify(expires)}; write 3600 for an hour`);
  return Math.floor(io.now() / 1000) + Number(expires);
}

/**
 * Signs a change with the keys at hand, then sends it, or with `--save` writes it.
 * @throws {CliError} `cli/bad-option` without a key, with a key of a stranger, or for a change that would be refused because too few sign;
 * {OperatorError} `operator/message-malformed` for a message that no agent takes.
 */
export async function signAndPass(
  change: { readonly message: OwnerMessage } & object,
  { control, manifest }: Pick<ShownAgent, 'control' | 'manifest'>,
  { agent, flags, io }: OwnerCall<ChangeFlags>,
): Promise<ExitCode> {
  const message = parseOwnerMessage(change.message);
  const { addresses, threshold } = control.owners;
  const needed = neededOwners(message, { threshold, variables: manifest.variables });
  const keys = await ownerKeys(flags.keyFile ?? [], io);
  const signed = signersOf(ownerMessageHash(message), signaturesOf(message, keys));
  const entry = { ...change, signatures: [...signed.values()] };
  const signers = [...signed.keys()];
  const stranger = signers.find((address) => !addresses.includes(address));
  if (stranger !== undefined)
    throw new CliError(
      'cli/bad-option',
      `expected keys of owners, got the one of ${stranger}, who is none; assay owners show lists them`,
    );
  const count = signers.length;
  if (flags.save === undefined) {
    if (count < needed)
      throw new CliError(
        'cli/bad-option',
        `expected keys of ${counted(needed, 'owner')}, got ${count}; give --key-file for each, or write the change with --save for the others to sign`,
      );
    return sendEntry(entry, { agent, flags, io });
  }
  await writeFile(resolve(io.cwd, flags.save), jsonText(entry));
  const { type, fields } = change.message;
  const until = new Date(fields.expiry * 1000).toISOString();
  if (flags.json === true) io.stdout(jsonText({ saved: flags.save, signers, needed, expires: until }));
  else io.stdout(wrapped(`${flags.save}: signed by ${count} of ${needed}, good until ${until}`, io.columns, 2));
  const [command, meant] = COMMAND_OF[type] ?? ['owners', ` --type ${type}`];
  const next = `assay ${command} sign ${flags.save}${meant} --agent-id ID, then assay ${command} send ${flags.save} sends it`;
  io.stderr(wrapped(`hint: other owners add themselves with ${next}`, io.columns, 6));
  return EXIT.accepted;
}

/**
 * Shows the change of a file, and adds the signatures of the keys at hand, one an owner.
 * @throws {CliError} `cli/bad-option`, `cli/file-unreadable`, `cli/input-too-large`; {EncodingError} `json/malformed`; {OperatorError}
 * `operator/message-malformed` for a file that is no change; those of {@link showChange} and {@link ownerKeys}.
 */
export async function signFile(file: string, flags: SignFlags, io: Io): Promise<ExitCode> {
  const { entry, signatures } = await readChangeFile(file, io);
  const message = showChange(entry, { agentId: flags.agentId, type: flags.type }, io);
  const digest = ownerMessageHash(message);
  const before = signersOf(digest, signatures);
  const keys = await ownerKeys(flags.keyFile ?? [], io);
  const signed = new Map([...signersOf(digest, signaturesOf(message, keys)), ...before]);
  await writeFile(resolve(io.cwd, file), jsonText({ ...entry, signatures: [...signed.values()] }));
  io.stdout(wrapped(`${file}: signed by ${signed.size}: ${[...signed.keys()].join(', ')}`, io.columns, 2));
  return EXIT.accepted;
}

/**
 * Sends the change of a file, with the signatures of owners and no others.
 * @throws {CliError} `cli/file-unreadable`, `cli/input-too-large`, `cli/other-agent`; {EncodingError} `json/malformed`; those of
 * {@link enoughSigned} before anything is sent; those of {@link agentApi}.
 */
export async function sendFile(file: string, call: OwnerCall): Promise<ExitCode> {
  const change = await readChangeFile(file, call.io);
  const entry = enoughSigned(change, await ownedConfig(call.agent), Math.floor(call.io.now() / 1000));
  return sendEntry(entry, call);
}

async function sendEntry(entry: SignedEntry, { agent, flags, io }: OwnerCall): Promise<ExitCode> {
  const { type } = entry.message;
  const changed = await agentApi(agent).post(...(await requestFor(agent, entry)));
  if (flags.json === true) io.stdout(jsonText(changed));
  else io.stdout(wrapped(doneLine(type, changed, io), io.columns, 2));
  if (type === 'SetPolicy') io.stderr(wrapped(ENDED, io.columns, 6));
  return EXIT.accepted;
}

/** What came of it: a transaction that was approved is signed, and may not have left. */
function doneLine(type: OwnerMessage['type'], changed: JsonObject, io: Io): string {
  const style = styleOf(io);
  const receipt = `receipt ${printable(String(changed.receipt_id))}`;
  if (type !== 'ApproveTransaction') return `${style.good('set')}  ${receipt}`;
  const hash = printable(String(changed.transaction_hash), { full: true });
  if (changed.sent === true) return `${style.good('sent')}  transaction ${hash}, ${receipt}`;
  return `${style.open('signed, not sent')}  transaction ${hash}, ${receipt}: ${printable(String(changed.reason ?? 'no node took it'))}; the agent sends it again`;
}

/** Path and body that carry a change. */
async function requestFor(agent: Agent, entry: SignedEntry): Promise<readonly [path: string, body: object]> {
  const { message } = entry;
  switch (message.type) {
    case 'SetVariable':
      return ['api/v1/variables', { variables: [entry] }];
    case 'ApproveTransaction':
      return ['api/v1/sign-transaction', await approvedRequest(agent, { message, signatures: entry.signatures })];
    default:
      return ['api/v1/control', entry];
  }
}

/** One a key; the keys are overwritten. */
function signaturesOf(message: OwnerMessage, keys: readonly Uint8Array[]): readonly Hex[] {
  const digest = bytesOf(ownerMessageHash(message));
  const signatures = keys.map((key) => signDigest(digest, key));
  for (const key of keys) key.fill(0);
  return signatures;
}
