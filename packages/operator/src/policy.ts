/**
 * The policy of signing (spec/operator.md §10): which chains, which nodes, which rules. Its JSON schema is spec/operator-policy.schema.json.
 * Everything is denied that no rule allows; a rule that denies wins.
 *
 * Amounts are decimal texts in the smallest unit (wei), because JSON numbers are not exact.
 */

import { canonicalJson, type JsonObject, parseJson } from '@assay/encoding/json';
import { z } from 'zod';
import { MOST_BLOBS } from './blob-sidecar.ts';
import { OperatorError } from './errors.ts';
import { functionOf, isNumber, textFormOf } from './function-signature.ts';
import { type Hex, keccakOf, typedAddressSchema } from './hex.ts';
import { isOneNode } from './second-node.ts';

/** Longest policy, in bytes of its JSON. */
export const MAX_POLICY_BYTES = 512 * 1024;
/** Rules of one policy. */
const MOST_RULES = 1000;
const DAY_SECONDS = 86_400;

const address = typedAddressSchema.describe('0x and 40 hex characters; in mixed case the checksum of EIP-55 has to fit');
const amount = z
  .string()
  .regex(/^(?:0|[1-9][0-9]{0,77})$/, 'expected a whole number as decimal text')
  .describe('whole number in the smallest unit, as decimal text');
const asset = z
  .union([z.literal('native'), address], 'expected native, or the address of a token, in mixed case with its checksum (EIP-55)')
  .describe('native, or the address of a token');
const chainId = z.number().int().min(1);
const codeHash = z
  .string()
  .regex(/^0x[0-9a-f]{64}$/, 'expected a hash: 0x and 64 lower-case hex characters')
  .describe('Keccak-256 of the creation code with its arguments: the whole data of the transaction');
const selector = z.string().regex(/^0x[0-9a-f]{8}$/, 'expected a selector: 0x and 8 lower-case hex characters');
const seconds = z
  .number()
  .int()
  .min(1)
  .max(366 * DAY_SECONDS);

const rpcUrl = z
  .string()
  .regex(/^https?:\/\/[^\s]+$/, 'expected an http or https address')
  .refine((text) => URL.canParse(text), 'expected an http or https address that can be parsed');

const chainSchema = z.strictObject({
  rpc_urls: z.array(rpcUrl).min(1).max(16),
  confirming_rpc_url: rpcUrl
    .optional()
    .describe(
      'a second node, on another host or port than rpc_urls, that must agree before an inclusion is believed; without one, no transaction that is replaced frees what it counted',
    ),
  confirmations: z.number().int().min(1).max(10_000).default(2),
  fees: z.enum(['eip1559', 'legacy']).default('eip1559'),
  max_fee_per_gas: amount.describe('highest price of one gas, wei'),
  max_gas: z.number().int().min(21_000).max(100_000_000).default(1_000_000),
  takes: z
    .array(z.enum(['eip4844', 'eip7702']))
    .min(1)
    .optional()
    .describe(
      'which newer types the chain takes; a transaction of another is denied, because it would hold up all that follow',
    ),
});

const argumentSchema = z.strictObject({
  index: z.number().int().min(0).max(63),
  one_of: z.array(z.string()).min(1).optional().describe('values as text; addresses in lower case'),
  at_most: amount.optional(),
});

const messageSchema = z
  .strictObject({
    one_of: z.array(z.string().max(65_536)).min(1).optional().describe('the whole text'),
    starts_with: z.array(z.string().min(1).max(65_536)).min(1).optional(),
  })
  .refine(
    ({ one_of: oneOf, starts_with: start }) => oneOf !== undefined || start !== undefined,
    'expected one_of or starts_with',
  );

const typedDataSchema = z.strictObject({
  primary_type: z.string().min(1).max(128),
  verifying_contract: address.nullable().prefault(null),
  chain_id: chainId.nullable().default(null),
});

const blobsSchema = z.strictObject({
  at_most: z.number().int().min(1).max(MOST_BLOBS),
  max_fee_per_blob_gas: amount.describe('highest price of one blob gas, wei; a blob takes 131072'),
});

const matchSchema = z.strictObject({
  paths: z
    .array(z.enum(['transaction', 'message', 'typed-data']))
    .min(1)
    .optional()
    .describe('what is signed: a rule that allows is for transactions unless it names others, one that denies is for all'),
  message: messageSchema.optional().describe('EIP-191 text; a rule that allows messages needs it'),
  typed_data: z
    .array(typedDataSchema)
    .min(1)
    .max(64)
    .optional()
    .describe('EIP-712 types that spend nothing, by domain; permits and authorisations are known and counted without it'),
  chain_ids: z.array(chainId).min(1).optional(),
  types: z
    .array(z.enum(['legacy', 'eip1559', 'eip4844', 'eip7702']))
    .min(1)
    .optional(),
  recipients: z.array(address).min(1).optional().describe('`to` of the transaction: for tokens, the contract'),
  beneficiaries: z.array(address).min(1).optional().describe('who receives or may spend tokens'),
  selectors: z.array(selector).min(1).optional(),
  function: z
    .string()
    .max(500)
    .optional()
    .describe('signature of a function that spends nothing, e.g. `function vote(uint256 id)`'),
  arguments: z.array(argumentSchema).max(64).optional().describe('of `function`, all of them must fit'),
  creates: z
    .array(z.union([z.literal('any'), codeHash]))
    .min(1)
    .max(64)
    .optional()
    .describe('contract creation, of this code or of any; a rule that allows creation needs it, and is then for nothing else'),
  delegates: z
    .array(address)
    .min(1)
    .max(64)
    .optional()
    .describe(
      'EIP-7702: contracts whose code may run as the wallet, with all that it has, whatever caps say; the zero address revokes. A rule that allows delegation needs it, and is then for nothing else',
    ),
  blobs: blobsSchema
    .optional()
    .describe(
      'EIP-4844: blobs of one transaction; a rule that allows blobs needs it, and is then for nothing else. What they cost counts in native caps',
    ),
  value_at_most: amount.optional().describe('native value of one transaction'),
  hours_utc: z
    .strictObject({ from: z.number().int().min(0).max(23), to: z.number().int().min(1).max(24) })
    .optional()
    .describe('from inclusive, to exclusive'),
  weekdays_utc: z.array(z.number().int().min(0).max(6)).min(1).optional().describe('0 is Sunday'),
  callers: z
    .array(z.enum(['key', 'token', 'tool']))
    .min(1)
    .optional()
    .describe('API key, secret_token, or a tool call of a prompt'),
});

/** What only a call to an account has. */
const CALL_MEMBERS = ['recipients', 'beneficiaries', 'selectors', 'function'] as const;
/** What one transaction has at most one of. */
const ONE_OF_MEMBERS = ['creates', 'delegates', 'blobs'] as const;

const ruleSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'expected a name like daily-eth'),
  effect: z.enum(['allow', 'deny']),
  match: matchSchema.prefault({}),
  caps: z
    .array(z.strictObject({ asset, at_most: amount, window_seconds: seconds.default(DAY_SECONDS) }))
    .max(64)
    .prefault([])
    .describe('what all transactions under this rule may spend together in a rolling window'),
  rate: z.strictObject({ at_most: z.number().int().min(1).max(1_000_000), window_seconds: seconds }).optional(),
  approval: z
    .strictObject({ asset: asset.prefault('native'), above: amount })
    .optional()
    .describe('owners must approve a transaction that spends more, and every delegation under the rule'),
});

/** The form of a policy (spec/operator-policy.schema.json). */
export const policySchema = z.strictObject({
  v: z.literal('assay-operator-policy/1'),
  chains: z.record(z.string().regex(/^[1-9][0-9]{0,15}$/, 'expected a chain id'), chainSchema),
  rules: z.array(ruleSchema).max(MOST_RULES),
});

/** A policy, defaults filled in. */
export type SigningPolicy = z.output<typeof policySchema>;
/** One rule of a policy. */
export type PolicyRule = SigningPolicy['rules'][number];
/** What a policy says of one chain. */
export type ChainSettings = SigningPolicy['chains'][string];
/** What a rule counts: the chain's own coin, or a token by its address. */
export type Asset = 'native' | Hex;

/**
 * The policy in a text.
 * @throws {OperatorError} `operator/policy-malformed`.
 * @example const policy = parseSigningPolicy(readFileSync('policy.json'))
 */
export function parseSigningPolicy(bytes: Uint8Array | string): SigningPolicy {
  const malformed = (why: string, cause?: unknown): OperatorError =>
    new OperatorError('operator/policy-malformed', `the policy: ${why}; see docs/operator.md`, { cause });
  let value: unknown;
  try {
    value = parseJson(bytes, { maxBytes: MAX_POLICY_BYTES });
  } catch (cause) {
    throw malformed(`expected JSON, got ${cause instanceof Error ? cause.message : 'other bytes'}`, cause);
  }
  const checked = policySchema.safeParse(value);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw malformed(`${z.core.toDotPath(issue?.path ?? []) || 'whole'}: ${issue?.message ?? 'malformed'}`, checked.error);
  }
  for (const [id, { rpc_urls: urls, confirming_rpc_url: second }] of Object.entries(checked.data.chains))
    if (second !== undefined && urls.some((url) => isOneNode(url, second)))
      throw malformed(
        `chains.${id}.confirming_rpc_url: expected a node on another host or port than rpc_urls, got one of theirs, which would confirm itself; name another`,
      );
  const ids = checked.data.rules.map(({ id }) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw malformed(`rules: expected each id once, got ${twice} twice`);
  for (const { id, effect, match } of checked.data.rules) {
    const other = match.creates === undefined ? undefined : CALL_MEMBERS.find((member) => match[member] !== undefined);
    if (other !== undefined) throw malformed(`rules.${id}: expected creates without ${other}: creation calls nothing`);
    const kinds = ONE_OF_MEMBERS.filter((member) => match[member] !== undefined);
    if (kinds.length > 1) throw malformed(`rules.${id}: expected ${kinds[0]} without ${kinds[1]}: no transaction has both`);
    if (effect === 'deny' && match.blobs !== undefined)
      throw malformed(`rules.${id}: expected blobs in a rule that allows; deny them by types`);
    if ((match.arguments !== undefined) !== (match.function !== undefined) && match.arguments !== undefined)
      throw malformed(`rules.${id}: expected function beside arguments`);
    const wrong = wrongFunction(match);
    if (wrong !== null) throw malformed(`rules.${id}: ${wrong}`);
  }
  return checked.data;
}

/** Why no call could be compared with what a rule says of a function; `null` when nothing is wrong. */
function wrongFunction({ function: signature, arguments: wanted = [] }: PolicyRule['match']): string | null {
  if (signature === undefined) return null;
  const inputs = functionOf(signature)?.item.inputs;
  if (inputs === undefined) return 'function: expected a signature like `function vote(uint256 id)`';
  for (const { index, one_of: values = [], at_most: most } of wanted) {
    const type = inputs[index]?.type;
    if (type === undefined) return `arguments: expected an index below ${inputs.length}, got ${index}`;
    const form = textFormOf(type);
    if (form === null) return `arguments: expected an argument with a text, got ${type} at index ${index}; name none of it`;
    const other = values.find((value) => !form.test(value));
    if (other !== undefined)
      return `arguments: expected values that ${type} at index ${index} can have, got ${other.slice(0, 80)}`;
    if (most !== undefined && !isNumber(type)) return `arguments: expected at_most for a number, got ${type} at index ${index}`;
  }
  return null;
}

/**
 * Keccak-256 of the policy's JCS form, defaults filled in: what owners sign.
 * @example policyHash(parseSigningPolicy(text))
 */
export function policyHash(policy: SigningPolicy): Hex {
  return keccakOf(new TextEncoder().encode(canonicalJson(policy as unknown as JsonObject)));
}
