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
  }),
  manifest: object,
  manifest_digest: hash,
  log: z.object({ origin: z.string(), verifier_keys: z.array(z.string()) }),
  control: z.object({
    owners: z.object({ addresses: z.array(z.string()), threshold: z.number().int(), ...chain }),
    policy: z.object({ policy_hash: hash, ...chain }),
    paused: z.object({ paused: z.boolean(), ...chain }),
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

const changedSchema = z.object({ receipt_id: z.string(), log_index: z.number().int().nullable() });

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
  tools: z.array(anyObject).nullish().describe("the caller's; calls of the model are returned"),
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
