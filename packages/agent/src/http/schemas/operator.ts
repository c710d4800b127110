/** Shapes of the operator's routes (spec/operator.md). */

import { z } from 'zod';

const hash = z.string().describe('0x and 64 hex characters');
const object = z.record(z.string(), z.unknown());

export const configQuerySchema = z.object({
  nonce: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'expected 32 random bytes as 64 lower-case hex characters; make one with openssl rand -hex 32')
    .optional()
    .describe("the client's, 32 bytes in hex; without one the agent takes its own, which proves no freshness"),
});

const variableSchema = z.object({
  name: z.string(),
  visibility: z.enum(['hidden', 'public']),
  mutability: z.enum(['mutable', 'immutable']),
  version: z.number().int(),
  change_hash: hash,
  value_hash: hash,
  value: z.string().nullable().optional().describe('public variables only'),
  salt: hash.nullable().optional(),
  receipt_id: z.string().nullable(),
  public: z.literal(true).optional(),
  immutable: z.boolean().optional(),
});

const chain = { version: z.number().int(), change_hash: hash };

export const configSchema = z.object({
  tee_name: z.string(),
  tee_public_key: z.string().describe('address of the agent key, which signs answers'),
  operator_pubkey: z.string().nullable().describe('x and y in hex; null unless the manifest takes legacy messages'),
  code_attestation: z.string().describe("base64 of the TEE's document, or of its evidence as JCS"),
  agent_id: hash,
  wallet: z.object({
    address: z.string().nullable(),
    kept: z.boolean().describe('false: the key ends with this process, and funds with it'),
    kms_ciphertext: z
      .string()
      .nullable()
      .describe('base64 of the secret as AWS KMS sealed it, no secret: keep it, the next start needs it; null without KMS'),
  }),
  manifest: object,
  manifest_digest: hash,
  log: z.object({ origin: z.string(), verifier_keys: z.array(z.string()) }),
  control: z.object({
    owners: z.object({ addresses: z.array(z.string()), threshold: z.number().int(), ...chain }),
    policy: z.object({ policy_hash: hash, ...chain }),
    paused: z.object({ paused: z.boolean(), ...chain }),
  }),
  outside_head: z.object({
    witness: z
      .object({
        name: z.string(),
        cosigned_size: z.number().int().nullable(),
        time: z.number().int().nullable(),
        refused_size: z
          .number()
          .int()
          .nullable()
          .describe('entries that its last refusal names, which is not signed; null when it cosigned'),
      })
      .nullable()
      .describe('the witness of the manifest, and the newest head that it cosigned since the start'),
    behind: z
      .object({ size: z.number().int() })
      .nullable()
      .describe('entries that a caller remembers and this log does not have: nothing is signed'),
    acknowledged: z
      .object({ size: z.number().int(), ...chain, without_witness: z.boolean() })
      .describe('entries that owners know to be lost; `without_witness`: they let the wallet go on without the witness'),
  }),
  policy: object.nullable().describe('the signing policy in force'),
  variables: z.array(variableSchema),
  keyset_digest: z.string(),
  nonce: z.string(),
  report: object,
});

const signatures = z.array(z.string()).min(1).describe('r, s, v of each owner, 0x and 130 hex characters');
const legacyChange = z.strictObject({
  name: z.string(),
  value: z.string(),
  signature: z.string(),
  public: z.boolean().optional(),
});
const signedChange = z.strictObject({
  message: object.describe('{"type": "SetVariable", "fields": {…}}'),
  signatures,
  value: z.string().optional().describe('in clear, for public variables'),
  salt: z.string().optional(),
  sealed: z.strictObject({ encapsulated: z.string(), ciphertext: z.string() }).optional(),
});

export const setVariablesSchema = z.strictObject({ variables: z.array(z.union([legacyChange, signedChange])) });

const changedSchema = z.object({ receipt_id: z.string() });

/** The seed answers with a text. */
export const variablesSetSchema = z.union([changedSchema, z.string()]);
export const variablesQuerySchema = z.object({ name: z.string().max(64).optional() });
export const variablesSchema = z.union([z.string(), z.record(z.string(), variableSchema), z.object({ error: z.string() })]);
export const variableMissingSchema = z.object({ error: z.string() });
export const controlRequestSchema = z.strictObject({
  message: object.describe('{"type": "SetOwners" | "SetPolicy" | "SetPaused", "fields": {…}}'),
  signatures,
  policy: object.optional().describe('with SetPolicy: spec/operator-policy.schema.json'),
});
export const controlChangedSchema = changedSchema;

const anyObject = z.record(z.string(), z.unknown());
export const promptRequestSchema = z.strictObject({
  model: z.string().nullish(),
  system_prompt: z.string().nullish(),
  messages: z.array(anyObject).min(1),
  tools: z
    .array(anyObject)
    .nullish()
    .describe("the caller's; calls of the model are returned. Tools that the owners registered are called by the agent"),
  tool_choice: z.union([z.string(), anyObject]).optional().describe('auto unless given'),
  max_tokens: z.number().int().min(1).optional().describe('350 unless given'),
});

export const promptAnswerSchema = z.object({
  model: z.string(),
  response: z.object({ content: z.string().nullable(), tool_calls: z.array(z.unknown()).nullable() }),
  messages: z.array(anyObject),
  tools: z.array(anyObject).nullable(),
  system_prompt: z.string().nullable(),
  signature: z.string().describe('EIP-191 over signed_response, by tee_public_key'),
  signed_response: z.string().describe("assay-answer/1 and JCS; in compatibility mode the seed's str(result)"),
  agent_id: z.string(),
  keyset_digest: z.string(),
  receipt_id: z.string(),
  tool_choice: z.unknown(),
  max_tokens: z.number().int(),
  tee_public_key: z.string(),
  provider: z.string(),
  system_fingerprint: z.string().nullable(),
  wallet_kept: z.boolean(),
});

const quantity = z.union([z.number().int().min(0), z.string()]).describe('whole number, or text in decimal or hex');
export const signTransactionSchema = z.strictObject({
  transaction: z.strictObject({
    to: z.string().nullish().describe('without it a contract is created, when a rule of the policy names that'),
    value: quantity.optional(),
    data: z.string().optional(),
    gas: quantity.optional(),
    gas_price: quantity.optional(),
    nonce: z.number().int().optional(),
    type: z.enum(['legacy', 'eip1559', 'eip4844', 'eip7702']).optional(),
    delegate: z
      .string()
      .optional()
      .describe('EIP-7702: contract whose code is to run as the wallet; the zero address revokes. A rule must name it'),
    sidecar: z
      .strictObject({ blobs: z.array(z.string()), commitments: z.array(z.string()), proofs: z.array(z.string()) })
      .optional()
      .describe('EIP-4844: at most 6 blobs with commitments and proofs, one a blob or 128; a rule must allow blobs'),
    max_fee_per_blob_gas: quantity.optional().describe('twice the price now unless given'),
  }),
  rpc_url: z.string().describe('a node of the policy, which says what chain it is'),
  secret_token: z.string().optional().describe('the variable secret_token, for callers without API key'),
  idempotency_key: z.string().optional().describe('or the header Idempotency-Key'),
  prompt_receipt: z.string().optional().describe('receipt of the prompt whose tool call this is'),
  approval: z.strictObject({ message: anyObject, signatures }).optional(),
});

export const signedTransactionSchema = z.object({
  signed_transaction: z.string().describe('without a sidecar, which is no part of what is signed'),
  transaction_hash: z.string(),
  receipt_id: z.string(),
  chain_id: z.number().int(),
  nonce: z.number().int(),
  sent: z.boolean().describe('false: no node took it yet; it is sent again'),
  reason: z.string().nullable(),
  wallet_kept: z.boolean(),
});

export const replaceTransactionSchema = z.strictObject({
  transaction_hash: z.string().describe('a transaction of this caller that is not final'),
  action: z.enum(['bump', 'cancel']).describe('bump: the same with a higher fee; cancel: an empty one in its place'),
  fee_per_gas: z.string().optional().describe('wei as decimal text; an eighth more unless given'),
  secret_token: z.string().optional().describe('the variable secret_token, for callers without API key'),
});

export const signMessageSchema = z.strictObject({
  message: z.string().optional().describe('text, signed by EIP-191; either this or typed_data'),
  typed_data: anyObject.optional().describe('domain, types, primaryType and message of EIP-712, as for eth_signTypedData_v4'),
  secret_token: z.string().optional().describe('the variable secret_token, for callers without API key'),
  prompt_receipt: z.string().optional().describe('receipt of the prompt whose tool call this is'),
});

export const signedMessageSchema = z.object({
  signature: z.string().describe('r, s, v: 0x and 130 hex characters'),
  scheme: z.enum(['eip191', 'eip712']),
  digest: hash,
  signer: z.string().describe("the wallet's address"),
  receipt_id: z.string(),
  wallet_kept: z.boolean(),
});

export const approvalNeededSchema = z.object({
  approval: z.string().describe('transactionHash of the ApproveTransaction that owners sign'),
  chain_id: z.number().int(),
  needed: z.number().int(),
  expiry: z.number().int(),
  receipt_id: z.string(),
});

export const transactionsSchema = z.object({
  transactions: z.array(
    z.object({
      transaction_hash: z.string(),
      signed_transaction: z.string(),
      chain_id: z.number().int(),
      nonce: z.number().int(),
      to: z.string().nullable(),
      creates: z.string().nullable().describe('address of the contract that a transaction without `to` creates'),
      delegates_to: z
        .string()
        .nullable()
        .describe('contract whose code runs as the wallet by it; the zero address: none any more'),
      blobs: z.number().int(),
      value: z.string(),
      rule: z.string(),
      time: z.number().int(),
      state: z.enum(['signed', 'sent', 'included', 'reverted', 'replaced']),
      reason: z.string().nullable(),
      receipt_id: z.string(),
      final_receipt_id: z.string().nullable(),
      block_number: z.string().nullable(),
    }),
  ),
  pending: z.array(
    z.object({
      hash: z.string(),
      chain_id: z.number().int(),
      to: z.string().nullable(),
      value: z.string(),
      data: z.string(),
      delegates_to: z.string().nullable(),
      blobs: z.number().int(),
      most_for_blobs: z.string().describe('the most wei that the blobs cost'),
      expiry: z.number().int(),
    }),
  ),
});

export const cardSchema = z
  .looseObject({
    name: z.string(),
    signatures: z.array(z.object({ protected: z.string(), signature: z.string() })),
  })
  .describe('A2A 1.0 AgentCard');

export const registrationSchema = z.looseObject({
  type: z.string(),
  name: z.string(),
  supportedTrust: z.array(z.string()),
  calldata: z.object({ register: z.string() }),
});
