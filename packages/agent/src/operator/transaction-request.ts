/** The body of `POST /api/v1/sign-transaction`, in the seed's form and with what this agent adds. */

import { parseJson } from '@assay/encoding/json';
import {
  checkSidecar,
  type Hex,
  OperatorError,
  parseOwnerMessage,
  signatureSchema,
  type TransactionType,
} from '@assay/operator';
import { z } from 'zod';
import { ServerError } from '../errors.ts';

const quantity = z
  .union([
    z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
    z.string().regex(/^(?:[0-9]{1,78}|0x[0-9a-fA-F]{1,64})$/, 'expected a whole number, in decimal or hex'),
  ])
  .transform((value) => BigInt(value))
  .refine((value) => value < 2n ** 256n, 'expected a number below 2^256');
const hex = (text: string): Hex => text.toLowerCase() as Hex;

const bytesOfHex = z
  .string()
  .regex(/^0x[0-9a-fA-F]*$/, 'expected hex')
  .transform(hex);

const bodySchema = z.strictObject({
  transaction: z.strictObject({
    to: z
      .string()
      .regex(/^0x[0-9a-fA-F]{40}$/, 'expected an address')
      .transform(hex)
      .nullish(),
    value: quantity.default(0n),
    data: z
      .string()
      .regex(/^0x(?:[0-9a-fA-F]{2}){0,65536}$/, 'expected hex of whole bytes')
      .transform(hex)
      .default('0x'),
    gas: quantity.optional(),
    gas_price: quantity.optional(),
    nonce: z.number().int().min(0).optional(),
    type: z.enum(['legacy', 'eip1559', 'eip4844', 'eip7702']).optional(),
    delegate: z
      .string()
      .regex(/^0x[0-9a-fA-F]{40}$/, 'expected an address')
      .transform(hex)
      .optional(),
    sidecar: z
      .strictObject({ blobs: z.array(bytesOfHex), commitments: z.array(bytesOfHex), proofs: z.array(bytesOfHex) })
      .optional(),
    max_fee_per_blob_gas: quantity.optional(),
  }),
  rpc_url: z.string().max(2000),
  secret_token: z.string().max(1000).optional(),
  idempotency_key: z.string().min(1).max(200).optional(),
  prompt_receipt: z
    .string()
    .regex(/^rcpt_[0-9a-f]{32}$/, 'expected rcpt_ and 32 hex characters')
    .optional(),
  approval: z.strictObject({ message: z.unknown(), signatures: z.array(signatureSchema).min(1).max(64) }).optional(),
});

/** A request, read. */
export type TransactionRequest = Omit<z.output<typeof bodySchema>, 'approval'> & {
  readonly approval: { readonly message: ReturnType<typeof parseOwnerMessage>; readonly signatures: readonly Hex[] } | null;
};

/**
 * @throws {ServerError} `http/bad-json`, `task/bad-input`, the latter with the seed's words when there is no transaction;
 * {OperatorError} `operator/message-malformed` for an approval that is none.
 */
export function readTransactionRequest(bytes: Uint8Array): TransactionRequest {
  let value: unknown;
  try {
    value = parseJson(bytes, { maxDepth: 16 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'malformed';
    throw new ServerError('http/bad-json', `the body is not valid JSON: ${why}`, { cause });
  }
  const { transaction } = (typeof value === 'object' && value !== null ? value : {}) as { readonly transaction?: unknown };
  if (transaction === undefined) throw new ServerError('task/bad-input', 'Missing transaction data');
  const checked = bodySchema.safeParse(value);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw new ServerError(
      'task/bad-input',
      `${z.core.toDotPath(issue?.path ?? []) || 'body'}: ${issue?.message ?? 'malformed'}`,
    );
  }
  const { approval, ...rest } = checked.data;
  refuseMixed(rest.transaction);
  return {
    ...rest,
    approval: approval === undefined ? null : { message: parseOwnerMessage(approval.message), signatures: approval.signatures },
  };
}

type AskedTransaction = z.output<typeof bodySchema>['transaction'];

/** The type that the members of a request ask for; `null`: any of the two that carry nothing. */
export function carryingType({ delegate, sidecar }: AskedTransaction): TransactionType | null {
  if (delegate !== undefined) return 'eip7702';
  return sidecar === undefined ? null : 'eip4844';
}

/** Refuses members that no transaction has together. */
function refuseMixed(transaction: AskedTransaction): void {
  const { delegate, sidecar, max_fee_per_blob_gas: blobFee, to, type } = transaction;
  const refuse = (why: string): ServerError => new ServerError('task/bad-input', `transaction.${why}; see docs/operator.md`);
  if (delegate !== undefined && sidecar !== undefined) throw refuse('delegate: expected it without sidecar');
  if (blobFee !== undefined && sidecar === undefined) throw refuse('max_fee_per_blob_gas: expected it beside a sidecar');
  const carries = carryingType(transaction);
  if (carries === null ? type === 'eip4844' || type === 'eip7702' : type !== undefined && type !== carries)
    throw refuse(`type: expected ${carries ?? 'a sidecar or delegate'} for it, got ${type}`);
  if (carries !== null && (to ?? null) === null) throw refuse(`to: expected an address, which ${carries} needs`);
  if (sidecar === undefined) return;
  try {
    checkSidecar(sidecar);
  } catch (error) {
    throw OperatorError.is(error) ? new ServerError('task/bad-input', `transaction.${error.message}`, { cause: error }) : error;
  }
}
