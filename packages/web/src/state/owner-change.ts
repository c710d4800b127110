/**
 * A change while owners sign it: the message, what goes with it, and the signatures so far. The same JSON as `--save` of
 * `assay variables` and `assay owners` writes, so that owners may sign on different machines, with the console or the command line.
 */

import type { Agent } from 'assay';
import type { Hex, OwnerMessage, ShownAgent, SigningPolicy } from 'assay/owners';
import { sendJson } from './agent-reader.ts';
import { instantOf } from './instants.ts';
import type { OwnedState } from './owned-agent.ts';
import { printable } from './text-safety.ts';

export interface OwnerChange {
  readonly message: OwnerMessage;
  readonly signatures: readonly Hex[];
  /** Of a variable: the value in clear, or sealed. */
  readonly value?: string | undefined;
  readonly salt?: Hex | undefined;
  readonly sealed?: { readonly encapsulated: string; readonly ciphertext: string } | undefined;
  /** Defaults filled in; left out where the policy is taken away. */
  readonly policy?: SigningPolicy | undefined;
}

/** How long a signature is good, seconds. */
const LIFETIME = 3600;

export const expiryFrom = (nowMs: number): number => Math.floor(nowMs / 1000) + LIFETIME;

/** How far the signing of a change is. */
export interface SigningProgress {
  readonly needed: number;
  /** Owners who signed, each with a signature; those of strangers are left out. */
  readonly signers: ReadonlyMap<Hex, Hex>;
}

/** Who signed a change, and how many owners must. @throws {OperatorError} for more signatures than owners could have given. */
export async function signingProgress(
  { message, signatures }: OwnerChange,
  { control, manifest }: ShownAgent,
): Promise<SigningProgress> {
  const { neededOwners, ownerMessageHash, signersOf } = await import('../owners/index.ts');
  const { addresses, threshold } = control.owners;
  return {
    needed: neededOwners(message, { threshold, variables: manifest.variables }),
    signers: signersOf(ownerMessageHash(message), signatures, addresses),
  };
}

/** What the message says, for people: the rows that an owner must read before signing. */
export function rowsOf({ type, fields }: OwnerMessage): readonly (readonly [string, string])[] {
  const until = ['Good until', instantOf(fields.expiry * 1000)] as const;
  switch (type) {
    case 'SetVariable':
      return [
        ['Variable', printable(fields.name)],
        ['Shown', fields.visibility === 'public' ? 'public, for everybody' : 'hidden: only the enclave can read it'],
        ['Later changes', fields.mutability === 'immutable' ? 'none: it is set for good' : 'possible'],
        ['Version', String(fields.version)],
        until,
      ];
    case 'SetPolicy':
      return [['Policy hash', fields.policyHash], ['Version', String(fields.version)], until];
    case 'SetOwners':
      return [
        ['Owners', fields.owners.join(', ')],
        ['Must sign', `${fields.threshold} of ${fields.owners.length}`],
        ['Version', String(fields.version)],
        until,
      ];
    case 'SetPaused':
      return [['Signing', fields.paused ? 'stops at once' : 'goes on'], ['Version', String(fields.version)], until];
    case 'ApproveTransaction':
      return [['Chain', String(fields.chainId)], ['Transaction', fields.transactionHash], until];
    case 'AcknowledgeState':
      return [['Chain', String(fields.chainId)], ['Goes on from nonce', String(fields.nonce)], until];
    case 'AcknowledgeHead':
      return [
        ['Entries of the log known to be lost, up to', String(fields.size)],
        ['Witness', fields.withoutWitness ? 'signing goes on without it' : 'must cosign, where the manifest names one'],
        ['Version', String(fields.version)],
        until,
      ];
  }
}

/** What the message is called. */
export const CHANGE_TITLES: Readonly<Record<OwnerMessage['type'], string>> = {
  SetVariable: 'Set a variable',
  SetPolicy: 'Set the policy',
  SetOwners: 'Change the owners',
  SetPaused: 'Pause or resume signing',
  ApproveTransaction: 'Approve a transaction',
  AcknowledgeState: 'Acknowledge the state',
  AcknowledgeHead: 'Acknowledge lost entries of the log',
};

/**
 * Sends a change that enough owners signed; gives the receipt's id.
 * @throws {ProblemError}; {Error} for an approval of a transaction that waits no more.
 */
export async function sendChange(agent: Agent, change: OwnerChange, owned: OwnedState): Promise<string> {
  const { type } = change.message;
  if (type === 'SetVariable') return receiptIn(await sendJson(agent, 'api/v1/variables', { variables: [change] }));
  if (type !== 'ApproveTransaction') return receiptIn(await sendJson(agent, 'api/v1/control', change));
  const { fields } = change.message;
  const waiting = owned.pending.find(({ hash }) => hash === fields.transactionHash);
  const rpcUrl = owned.config.policy?.chains[String(fields.chainId)]?.rpc_urls[0];
  if (waiting === undefined || rpcUrl === undefined)
    throw new Error('This transaction waits no more, or its chain left the policy. Ask for it again.');
  const { to, value, data, delegates_to: delegate } = waiting;
  const approval = { message: change.message, signatures: change.signatures };
  return receiptIn(
    await sendJson(agent, 'api/v1/sign-transaction', {
      transaction: { to, value, data, ...(delegate !== null && { delegate }) },
      rpc_url: rpcUrl,
      approval,
    }),
  );
}

function receiptIn(answer: unknown): string {
  return String((answer as { readonly receipt_id?: unknown }).receipt_id ?? '');
}
