/**
 * `assay owners`: what else the owners of an agent sign (spec/operator.md §5): the policy of its wallet, the pause, their own set, and
 * approvals of transactions. Owners' keys come from files or `ASSAY_OWNER_KEY`, never from the command line.
 */

import {
  addressOfKey,
  addressSchema,
  checksummed,
  type Hex,
  type OwnerMessage,
  parseSigningPolicy,
  type SigningPolicy,
  typedAddressSchema,
} from '@assay/operator';
import type { Command } from 'commander';
import { type AgentFlags, agentOf, agentOptions, withAgent } from '../command-line/agent-connection.ts';
import type { Finish } from '../command-line/command.ts';
import { CliError } from '../command-line/errors.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { wrapped } from '../command-line/layout.ts';
import { jsonText } from '../command-line/output.ts';
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
import { ownerKeys } from '../command-line/owner-keys.ts';
import { ownersLines, policyLines, waitingLines } from '../command-line/owners-lines.ts';
import { MAX_SETTING_BYTES, readFileOf } from '../command-line/subject.ts';
import { waitingTransaction, waitingTransactions } from '../command-line/waiting-transactions.ts';
import type { Agent } from '../index.ts';
import { type ControlPlace, ownersMessage, pauseMessage, policyEntry } from '../owners/control-change.ts';

interface JsonFlags extends AgentFlags {
  readonly json?: boolean;
}
type SetFlags = AgentFlags & ChangeFlags;
interface PolicyFlags extends SetFlags {
  readonly none?: boolean;
}
interface OwnersFlags extends SetFlags {
  readonly threshold: string;
}

/** Said before a key signs. */
const TAKEN_AWAY = 'takes the policy away: the wallet signs nothing from then on, and approvals that wait end';

interface OwnerSet {
  readonly owners: readonly Hex[];
  readonly threshold: number;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  agentOptions(command.command('show'))
    .description('owners, policy in words, pause, and what waits for an approval')
    .option('--json', 'machine-readable')
    .action(async (flags: JsonFlags) => finish(await reach(flags, io, (agent) => show(agent, flags, io))));
  command
    .command('address')
    .description("the address of an owner's key, for the manifest; nothing leaves this machine")
    .argument('[key-file]', 'the private key, hex; by default ASSAY_OWNER_KEY')
    .option('--json', 'machine-readable')
    .action(async (file: string | undefined, flags: { readonly json?: boolean }) =>
      finish(await printAddress(file, flags, io)),
    );
  changeOptions(agentOptions(command.command('set-policy')))
    .description('set what the wallet may sign; ends every approval that waits')
    .argument('[file]', 'the policy, JSON (docs/operator.md)')
    .option('--none', 'in place of a file: take the policy away, so that the wallet signs nothing')
    .action(async (file: string | undefined, flags: PolicyFlags) => {
      const policy = await givenPolicy(file, flags, io);
      finish(await reach(flags, io, (agent) => setPolicy(policy, { agent, flags, io })));
    });
  changeOptions(agentOptions(command.command('pause')))
    .description('stop signing at once; one owner suffices')
    .action(async (flags: SetFlags) => finish(await reach(flags, io, (agent) => setPaused(true, { agent, flags, io }))));
  changeOptions(agentOptions(command.command('resume')))
    .description('sign again; needs the threshold')
    .action(async (flags: SetFlags) => finish(await reach(flags, io, (agent) => setPaused(false, { agent, flags, io }))));
  changeOptions(agentOptions(command.command('set')))
    .description('another set of owners; needs the threshold of the present ones')
    .argument('<address...>', 'every owner from then on')
    .requiredOption('--threshold <n>', 'how many of them must sign from then on')
    .action(async (addresses: readonly string[], flags: OwnersFlags) => {
      const owners = [...new Set(addresses.map(ownerIn))];
      const set = { owners, threshold: thresholdIn(flags.threshold, owners.length) };
      finish(await reach(flags, io, (agent) => setOwners(set, { agent, flags, io })));
    });
  changeOptions(agentOptions(command.command('approve')))
    .description('approve a transaction that waits, and send it')
    .argument('<hash>', 'of the transaction, as show lists it')
    .action(async (hash: string, flags: SetFlags) =>
      finish(await reach(flags, io, (agent) => approve(hash, { agent, flags, io }))),
    );
  fileOptions(command.command('sign'), 'SetPolicy')
    .description('show a change that --save wrote, check it, and add an owner')
    .action(async (file: string, flags: SignFlags) => finish(await signFile(file, flags, io)));
  agentOptions(command.command('send'))
    .description('send a change that enough owners signed')
    .argument('<file>', 'the change')
    .option('--json', 'machine-readable')
    .action(async (file: string, flags: JsonFlags) =>
      finish(await reach(flags, io, (agent) => sendFile(file, { agent, flags, io }))),
    );
}

/** The address that a manifest names, in the spelling that shows a slip of the hand. */
async function printAddress(file: string | undefined, flags: { readonly json?: boolean }, io: Io): Promise<ExitCode> {
  const keys = await ownerKeys(file === undefined ? [] : [file], io);
  const [address] = keys.map((key) => checksummed(addressOfKey(key)));
  for (const key of keys) key.fill(0);
  io.stdout(flags.json === true ? jsonText({ address }) : `${address}\n`);
  return EXIT.accepted;
}

function reach(flags: JsonFlags, io: Io, work: (agent: Agent) => Promise<ExitCode>): Promise<ExitCode> {
  return withAgent(() => agentOf(flags, io), io, flags, work);
}

async function show(agent: Agent, flags: JsonFlags, io: Io): Promise<ExitCode> {
  const [config, waiting] = [await ownedConfig(agent), await waitingTransactions(agent)];
  const { agent_id, control, policy } = config;
  io.stdout(flags.json === true ? jsonText({ agent_id, control, policy, pending: waiting }) : ownersLines(config, waiting, io));
  return EXIT.accepted;
}

async function setPolicy(policy: SigningPolicy | null, { agent, flags, io }: OwnerCall<PolicyFlags>): Promise<ExitCode> {
  const shown = await ownedConfig(agent);
  if (flags.json !== true) io.stdout(policy === null ? wrapped(TAKEN_AWAY, io.columns) : policyLines(policy, io));
  const { agent_id: agentId, control } = shown;
  const change = policyEntry({ agentId, current: control.policy, expiry: expiryOf(flags, io) }, policy);
  return signAndPass(change, shown, { agent, flags, io });
}

/** `null`: the policy is taken away. */
async function givenPolicy(file: string | undefined, { none }: PolicyFlags, io: Io): Promise<SigningPolicy | null> {
  if ((file === undefined) !== (none === true))
    throw new CliError(
      'cli/bad-option',
      `expected a file with the policy, or --none to take it away, got ${none === true ? 'both' : 'neither'}; give one of them`,
    );
  return file === undefined ? null : parseSigningPolicy(await readFileOf(io, file, MAX_SETTING_BYTES));
}

async function setPaused(paused: boolean, { agent, flags, io }: OwnerCall<SetFlags>): Promise<ExitCode> {
  const shown = await ownedConfig(agent);
  const place: ControlPlace = { agentId: shown.agent_id, current: shown.control.paused, expiry: expiryOf(flags, io) };
  return signAndPass({ message: pauseMessage(place, paused) }, shown, { agent, flags, io });
}

async function setOwners(set: OwnerSet, { agent, flags, io }: OwnerCall<OwnersFlags>): Promise<ExitCode> {
  const shown = await ownedConfig(agent);
  const place: ControlPlace = { agentId: shown.agent_id, current: shown.control.owners, expiry: expiryOf(flags, io) };
  return signAndPass({ message: ownersMessage(place, set) }, shown, { agent, flags, io });
}

function thresholdIn(text: string, most: number): number {
  const threshold = /^[1-9]\d?$/.test(text) ? Number(text) : 0;
  if (threshold >= 1 && threshold <= most) return threshold;
  throw new CliError(
    'cli/bad-option',
    `--threshold: expected a number from 1 to ${most}, the number of owners, got ${JSON.stringify(text.slice(0, 40))}; keep one owner more than must sign`,
  );
}

function ownerIn(text: string): Hex {
  const parsed = typedAddressSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  if (addressSchema.safeParse(text).success)
    throw new CliError(
      'cli/bad-option',
      `expected an owner's address, got ${text}, whose checksum (EIP-55) is another: it is mistyped; copy it again, or write it in lower case if you are sure`,
    );
  throw new CliError(
    'cli/bad-option',
    `expected an owner's address, 0x and 40 hex characters, got ${JSON.stringify(text.slice(0, 80))}; write it whole`,
  );
}

async function approve(hash: string, { agent, flags, io }: OwnerCall<SetFlags>): Promise<ExitCode> {
  const shown = await ownedConfig(agent);
  const waiting = await waitingTransaction(agent, hash);
  if (flags.json !== true) io.stdout(waitingLines(waiting, io));
  const { chain_id: chainId, hash: transactionHash } = waiting;
  const fields = { agentId: shown.agent_id, chainId, transactionHash, expiry: expiryOf(flags, io) };
  const message: OwnerMessage = { type: 'ApproveTransaction', fields };
  return signAndPass({ message }, shown, { agent, flags, io });
}
