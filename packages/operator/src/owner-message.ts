/**
 * What owners sign: EIP-712 typed data in the domain `Assay operator`, version 1 (spec/operator.md §3). Every message names one agent,
 * one version, the change before it and an expiry.
 *
 * Not checked here: whether the message fits what is in force (`variables.ts`, `control.ts`).
 */

import { hashTypedData } from 'viem/utils';
import { z } from 'zod';
import { OperatorError } from './errors.ts';
import { addressSchema, type Hex, hash32Schema } from './hex.ts';

const field = (name: string, type: string) => ({ name, type });
const agent = field('agentId', 'bytes32');
const chained = [field('version', 'uint64'), field('previousHash', 'bytes32')];
const expiry = field('expiry', 'uint64');

/** Name and version of the domain. It names no chain: the messages are about the agent. */
export const OWNER_DOMAIN = { name: 'Assay operator', version: '1' } as const;

/** The structs that owners sign. */
export const OWNER_TYPES = {
  SetVariable: [
    agent,
    field('name', 'string'),
    field('visibility', 'string'),
    field('mutability', 'string'),
    field('valueHash', 'bytes32'),
    ...chained,
    field('policyHash', 'bytes32'),
    expiry,
  ],
  SetPolicy: [agent, field('policyHash', 'bytes32'), ...chained, expiry],
  SetOwners: [agent, field('owners', 'address[]'), field('threshold', 'uint64'), ...chained, expiry],
  SetPaused: [agent, field('paused', 'bool'), ...chained, expiry],
  ApproveTransaction: [agent, field('chainId', 'uint64'), field('transactionHash', 'bytes32'), expiry],
  AcknowledgeState: [agent, field('chainId', 'uint64'), field('nonce', 'uint64'), ...chained, expiry],
  AcknowledgeHead: [agent, field('size', 'uint64'), field('withoutWitness', 'bool'), ...chained, expiry],
} as const;

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const links = { version: count.min(1), previousHash: hash32Schema };
const common = { agentId: hash32Schema, expiry: count.describe('epoch seconds') };

const SCHEMAS = {
  SetVariable: z.strictObject({
    ...common,
    ...links,
    name: z.string().min(1).max(64),
    visibility: z.enum(['hidden', 'public']),
    mutability: z.enum(['mutable', 'immutable']),
    valueHash: hash32Schema,
    policyHash: hash32Schema,
  }),
  SetPolicy: z.strictObject({ ...common, ...links, policyHash: hash32Schema }),
  SetOwners: z
    .strictObject({ ...common, ...links, owners: z.array(addressSchema).min(1).max(64), threshold: count.min(1) })
    .refine(({ owners }) => new Set(owners).size === owners.length, 'expected each owner once')
    .refine(
      ({ owners, threshold }) => threshold <= owners.length,
      'expected a threshold that these owners can reach, got a higher one, after which nothing could be changed',
    ),
  SetPaused: z.strictObject({ ...common, ...links, paused: z.boolean() }),
  ApproveTransaction: z.strictObject({ ...common, chainId: count.min(1), transactionHash: hash32Schema }),
  AcknowledgeState: z.strictObject({ ...common, ...links, chainId: count.min(1), nonce: count }),
  AcknowledgeHead: z.strictObject({ ...common, ...links, size: count.min(1), withoutWitness: z.boolean() }),
} as const;

/** Kinds of messages that owners sign. */
export type OwnerMessageType = keyof typeof SCHEMAS;

/** The fields of one struct. Times in epoch seconds. */
export type OwnerFields<Type extends OwnerMessageType> = z.output<(typeof SCHEMAS)[Type]>;

/** A message as JSON: `{"type": "SetVariable", "fields": {…}}`. */
export type OwnerMessage = {
  [Type in OwnerMessageType]: { readonly type: Type; readonly fields: OwnerFields<Type> };
}[OwnerMessageType];

/**
 * The message in `value`, exactly of its shape.
 * @throws {OperatorError} `operator/message-malformed`.
 * @example parseOwnerMessage({ type: 'SetPaused', fields: { agentId, paused: true, version: 1, previousHash, expiry } })
 */
export function parseOwnerMessage(value: unknown): OwnerMessage {
  const { type, fields } = (typeof value === 'object' && value !== null ? value : {}) as {
    readonly type?: unknown;
    readonly fields?: unknown;
  };
  if (typeof type !== 'string' || !Object.hasOwn(SCHEMAS, type))
    throw new OperatorError(
      'operator/message-malformed',
      `expected a message of type ${Object.keys(SCHEMAS).join(', ')}, got another; see spec/operator.md §3`,
    );
  const checked = SCHEMAS[type as OwnerMessageType].safeParse(fields);
  if (checked.success) return { type, fields: checked.data } as OwnerMessage;
  const [issue] = checked.error.issues;
  throw new OperatorError(
    'operator/message-malformed',
    `the message ${[type, z.core.toDotPath(issue?.path ?? [])].filter((part) => part !== '').join('.')}: ${issue?.message ?? 'malformed'}; see spec/operator.md §3`,
    { cause: checked.error },
  );
}

/**
 * The typed data of a message, as wallets take it in `eth_signTypedData_v4`.
 * @example const { primaryType } = typedDataOf(message)
 */
export function typedDataOf({ type, fields }: OwnerMessage) {
  return {
    domain: OWNER_DOMAIN,
    types: {
      EIP712Domain: [field('name', 'string'), field('version', 'string')],
      [type]: OWNER_TYPES[type],
    },
    primaryType: type,
    message: fields,
  };
}

/**
 * The EIP-712 digest that owners sign, 32 bytes. The change after this one names it as `previousHash`.
 * @example recoverSigner(ownerMessageHash(message), signature)
 */
export function ownerMessageHash(message: OwnerMessage): Hex {
  return hashTypedData(typedDataOf(message) as unknown as Parameters<typeof hashTypedData>[0]);
}
