/**
 * A change of owners on its way: signed by the keys at hand, kept in a file for other owners, sent to the agent once enough signed. The
 * console reads and writes the same JSON.
 */

import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { counted } from '@assay/encoding/counted';
import { type JsonObject, parseJson } from '@assay/encoding/json';
import {
  bytesOf,
  type Hex,
  type OwnerMessage,
  ownerMessageHash,
  parseOwnerMessage,
  recoverSigner,
  signatureSchema,
  signDigest,
} from '@assay/operator';
import type { Command } from 'commander';
import type { Agent } from '../index.ts';
import { agentApi } from './agent-api.ts';
import { showChange } from './change-to-sign.ts';
import { CliError } from './errors.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { Io } from './io.ts';
import { wrapped } from './layout.ts';
import { append } from './options.ts';
import { jsonText, printable, styleOf } from './output.ts';
import { ownedConfig } from './owned-agent.ts';
import { ownerKeys } from './owner-keys.ts';
import { MAX_SETTING_BYTES, readFileOf } from './subject.ts';
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

/** Whose signatures the agent takes, and how many of them. */
export interface NeededOwners {
  readonly addresses: readonly Hex[];
  readonly needed: number;
}

/** A message with what goes with it, and signatures. */
interface SignedEntry {
  readonly message: OwnerMessage;
  readonly signatures: readonly Hex[];
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
    .option('--expires <seconds>', 'how long the message is good', '600')
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
    throw new CliError('cli/bad-option', `--expires: expected seconds, got ${JSON.stringify(expires)}; write 600`);
  return Math.floor(io.now() / 1000) + Number(expires);
}

/**
 * Signs a change with the keys at hand, then sends it, or with `--save` writes it.
 * @throws {CliError} `cli/bad-option` without a key, with a key of a stranger, or for a change that would be refused because too few sign;
 * {OperatorError} `operator/message-malformed` for a message that no agent takes.
 */
export async function signAndPass(
  change: { readonly message: OwnerMessage } & object,
  { addresses, needed }: NeededOwners,
  { agent, flags, io }: OwnerCall<ChangeFlags>,
): Promise<ExitCode> {
  const message = parseOwnerMessage(change.message);
  const keys = await ownerKeys(flags.keyFile ?? [], io);
  const entry = { ...change, signatures: signaturesOf(message, keys) };
  const signers = signersOf(message, entry.signatures);
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
 * Shows the change of a file, and adds the signatures of the keys at hand.
 * @throws {CliError} `cli/bad-option`, `cli/file-unreadable`, `cli/input-too-large`; {EncodingError} `json/malformed`; {OperatorError} of a signature over
 * something else; those of {@link showChange} and {@link ownerKeys}.
 */
export async function signFile(file: string, flags: SignFlags, io: Io): Promise<ExitCode> {
  const entry = await entryIn(file, io);
  const message = showChange(entry, { agentId: flags.agentId, type: flags.type }, io);
  const keys = await ownerKeys(flags.keyFile ?? [], io);
  const before = signaturesIn(entry);
  const known = signersOf(message, before);
  const added = signaturesOf(message, keys).filter((each) => !signersOf(message, [each]).some((one) => known.includes(one)));
  const signatures = [...new Set([...before, ...added])];
  await writeFile(resolve(io.cwd, file), jsonText({ ...entry, signatures }));
  const signers = signersOf(message, signatures);
  io.stdout(wrapped(`${file}: signed by ${signers.length}: ${signers.join(', ')}`, io.columns, 2));
  return EXIT.accepted;
}

/**
 * Sends the change of a file.
 * @throws {CliError} `cli/bad-option` for another file, `cli/file-unreadable`, `cli/input-too-large`, `cli/other-agent`; {EncodingError} `json/malformed`;
 * {OperatorError} `operator/message-malformed`; those of {@link agentApi}.
 */
export async function sendFile(file: string, call: OwnerCall): Promise<ExitCode> {
  await ownedConfig(call.agent);
  const entry = await entryIn(file, call.io);
  return sendEntry({ ...entry, signatures: signaturesIn(entry), message: parseOwnerMessage(entry.message) }, call);
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

/** Those who signed, each once, in the order of their signatures. */
function signersOf(message: OwnerMessage, signatures: readonly Hex[]): readonly Hex[] {
  const digest = ownerMessageHash(message);
  return [...new Set(signatures.map((signature) => recoverSigner(digest, signature)))];
}

/** @throws {CliError} `cli/bad-option` for what is no signature. */
function signaturesIn({ signatures }: JsonObject): readonly Hex[] {
  return (signatures as readonly unknown[]).map((each, index) => {
    const parsed = signatureSchema.safeParse(each);
    if (parsed.success) return parsed.data;
    throw new CliError(
      'cli/bad-option',
      `signatures[${index}]: expected 0x and 130 hex characters, got ${JSON.stringify(each).slice(0, 80)}; take it out, or ask that owner again`,
    );
  });
}

async function entryIn(file: string, io: Io): Promise<JsonObject> {
  const value = parseJson(await readFileOf(io, file, MAX_SETTING_BYTES));
  if (typeof value === 'object' && value !== null && 'message' in value && Array.isArray(value.signatures))
    return value as JsonObject;
  throw new CliError(
    'cli/bad-option',
    `${printable(file)}: expected a change that --save of assay variables set or assay owners wrote; write it again`,
  );
}
