/**
 * What an agent shows of its owners: the answers of `/api/v1/config`, with its variables, and of `/api/v1/transactions` (spec/operator.md).
 * They are held to their shape before an owner reads or signs anything of them: an attested agent is not infallible.
 *
 * Not checked here: that the attested keyset names the agent id (`isAttestedAgent`), and that chains know the transactions.
 */

import { addressSchema, hash32Schema, policyHash, policySchema, ZERO_HASH } from '@assay/operator';
import { z } from 'zod';
import { ClientError } from '../errors.ts';

/** The last second that a `Date` can name. */
const LAST_SECOND = 8_640_000_000_000;

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const chainId = count.min(1);
const seconds = z.number().int().min(0).max(LAST_SECOND);
const amount = z.string().regex(/^(?:0|[1-9][0-9]{0,77})$/, 'expected a whole number as decimal text');
const calldata = z.string().regex(/^0x(?:[0-9a-fA-F]{2})*$/, 'expected 0x and whole bytes in hex');
const chain = { version: count, change_hash: hash32Schema };

const variableSchema = z.object({
  name: z.string().min(1).max(64),
  visibility: z.enum(['hidden', 'public']),
  mutability: z.enum(['mutable', 'immutable']),
  /** 0: never set. */
  ...chain,
  /** Of public variables. */
  value: z.string().nullish(),
  receipt_id: z.string().nullable(),
});

const ownersSchema = z
  .object({ addresses: z.array(addressSchema).min(1).max(64), threshold: count.min(1), ...chain })
  .refine(({ addresses }) => new Set(addresses).size === addresses.length, 'expected each owner once')
  .refine(({ addresses, threshold }) => threshold <= addresses.length, 'expected a threshold that the owners can reach');

const outsideHeadSchema = z.object({
  witness: z.object({ name: z.string(), cosigned_size: count.nullable(), refused_size: count.nullable() }).nullable(),
  behind: z.object({ size: count }).nullable(),
  acknowledged: z.object({ size: count, without_witness: z.boolean(), ...chain }),
});

const agentSchema = z
  .object({
    tee_name: z.string(),
    agent_id: hash32Schema,
    wallet: z.object({ address: addressSchema.nullable(), kept: z.boolean() }),
    manifest: z.object({ variables: z.record(z.string(), z.object({ signers: z.enum(['one', 'threshold']) })) }),
    control: z.object({
      owners: ownersSchema,
      policy: z.object({ policy_hash: hash32Schema, ...chain }),
      paused: z.object({ paused: z.boolean(), ...chain }),
    }),
    /** What others remember of the log (spec/operator.md §9). */
    outside_head: outsideHeadSchema,
    /** `null`: none, nothing is signed. */
    policy: policySchema.nullable(),
    variables: z.array(variableSchema),
  })
  .refine(
    ({ policy, control }) => control.policy.policy_hash === (policy === null ? ZERO_HASH : policyHash(policy)),
    'expected the policy of control.policy.policy_hash',
  );

const waitingSchema = z.object({
  hash: hash32Schema,
  chain_id: chainId,
  /** `null`: a contract is created. */
  to: addressSchema.nullable(),
  /** Wei. */
  value: amount,
  data: calldata,
  delegates_to: addressSchema.nullable(),
  blobs: count,
  /** The most wei that the blobs cost. */
  most_for_blobs: amount,
  /** Epoch seconds. */
  expiry: seconds,
});

const listedSchema = z.object({
  transaction_hash: hash32Schema,
  chain_id: chainId,
  nonce: count,
  /** `null`: a contract was created. */
  to: addressSchema.nullable(),
  value: amount,
  /** Contract whose code runs as the wallet by it (EIP-7702). */
  delegates_to: addressSchema.nullable(),
  blobs: count,
  rule: z.string(),
  /** Epoch seconds. */
  time: seconds,
  state: z.enum(['signed', 'sent', 'included', 'reverted', 'replaced']),
  reason: z.string().nullable(),
  receipt_id: z.string(),
  final_receipt_id: z.string().nullable(),
  block_number: amount.nullable(),
});

const transactionsSchema = z.object({ transactions: z.array(listedSchema), pending: z.array(waitingSchema) });

/** Owners, policy, pause and variables of an agent, members as in `GET /api/v1/config`. */
export type ShownAgent = z.output<typeof agentSchema>;
/** One variable, as the agent shows it. */
export type ShownVariable = z.output<typeof variableSchema>;
/** A transaction that waits for an approval of owners. */
export type WaitingTransaction = z.output<typeof waitingSchema>;
/** A transaction that the wallet signed. */
export type ListedTransaction = z.output<typeof listedSchema>;
/** What the wallet signed, newest first, and what waits for owners. */
export type ShownTransactions = z.output<typeof transactionsSchema>;

/**
 * The answer of `GET /api/v1/config`, as far as owners read it. The policy is the one whose hash is shown.
 * @throws {ClientError} `client/answer-malformed`, with the first member that is something else.
 * @example const { control, variables } = parseShownAgent(await api.get('api/v1/config'));
 */
export function parseShownAgent(answer: unknown): ShownAgent {
  return parsed(agentSchema, answer, '/api/v1/config');
}

/**
 * The answer of `GET /api/v1/transactions`.
 * @throws {ClientError} `client/answer-malformed`, with the first member that is something else.
 * @example const { pending } = parseShownTransactions(await api.get('api/v1/transactions'));
 */
export function parseShownTransactions(answer: unknown): ShownTransactions {
  return parsed(transactionsSchema, answer, '/api/v1/transactions');
}

function parsed<Shown>(schema: z.ZodType<Shown>, answer: unknown, route: string): Shown {
  const checked = schema.safeParse(answer);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  const at = (z.core.toDotPath(issue?.path ?? []) || 'the whole').slice(0, 160);
  throw new ClientError(
    'client/answer-malformed',
    `${at} in the answer of ${route}: ${faultOf(issue?.message ?? 'malformed')}; report it to the agent's operator`,
    { cause: checked.error },
  );
}

/** Zod's words in the form of the errors here. */
function faultOf(message: string): string {
  const said = message.replace(/^Invalid input: /, '').replace(', received ', ', got ');
  const begun = said.slice(0, 1).toLowerCase() + said.slice(1);
  return begun.includes(', got ') ? begun : `${begun}, got something else`;
}
