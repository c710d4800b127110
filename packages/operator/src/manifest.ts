/**
 * The operator manifest (spec/operator.md §1): who owns an agent at its start and what they may set. Its digest is part of the agent id,
 * which stands in the attested keyset, so a reader knows exactly which manifest is in force.
 */

import { canonicalJson, type JsonObject, parseJson } from '@assay/encoding/json';
import { z } from 'zod';
import { OperatorError } from './errors.ts';
import { type Hex, keccakOf, typedAddressSchema } from './hex.ts';

/** Longest manifest, in bytes. */
export const MAX_MANIFEST_BYTES = 256 * 1024;
/** Longest value of a variable, UTF-8 bytes. */
export const MAX_VALUE_BYTES = 64 * 1024;
/** Owners of one agent. */
export const MOST_OWNERS = 64;
const MOST_VARIABLES = 1000;

/** Names of variables. No `;`, which the seed's message splits at. */
const NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;

/** Without TLS the machine in between could answer for the witness, so plain HTTP stays on this machine. */
const HTTPS = /^https:\/\/[^\s#?]+$/;
const LOOPBACK_HTTP = /^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?(?:\/[^\s#?]*)?$/;

const ownersSchema = z
  .strictObject({
    addresses: z.array(typedAddressSchema).min(1).max(MOST_OWNERS),
    threshold: z.number().int().min(1).max(MOST_OWNERS).default(1),
  })
  .refine(({ addresses }) => new Set(addresses).size === addresses.length, 'addresses: expected each owner once')
  .refine(({ addresses, threshold }) => threshold <= addresses.length, 'threshold: expected at most the number of owners');

const variableSchema = z.strictObject({
  default: z.string().default(''),
  visibility: z.enum(['hidden', 'public']).default('hidden'),
  mutability: z.enum(['mutable', 'immutable']).default('mutable'),
  signers: z.enum(['one', 'threshold']).default('threshold'),
});

const manifestSchema = z.strictObject({
  v: z.literal('assay-operator/1'),
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/, 'expected up to 64 letters, digits, spaces and . _ -'),
  owners: ownersSchema,
  variables: z.record(z.string().regex(NAME, 'expected a name like anthropic_api_key'), variableSchema).default({}),
  wallet: z.enum(['kept', 'ephemeral']).default('kept'),
  kms: z
    .strictObject({
      key: z
        .string()
        .regex(
          /^arn:aws[a-z-]{0,20}:kms:[a-z0-9-]{1,40}:[0-9]{12}:key\/[A-Za-z0-9-]{1,64}$/,
          'expected the ARN of a KMS key, arn:aws:kms:region:account:key/id',
        ),
    })
    .nullable()
    .default(null),
  witness: z
    .strictObject({
      url: z
        .string()
        .max(2000)
        .refine(
          (address) => HTTPS.test(address) || LOOPBACK_HTTP.test(address),
          'expected the https address of a witness (http on loopback alone)',
        ),
      vkey: z
        .string()
        .max(4000)
        .regex(/^[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+$/, 'expected a verifier key, name+id+key'),
    })
    .nullable()
    .default(null),
  compatibility: z
    .strictObject({
      operator_public_key: z.string().regex(/^[0-9a-f]{128}$/, 'expected x and y as 128 lower-case hex characters'),
    })
    .nullable()
    .default(null),
});

/** What the owners declared before the start. Members as in spec/operator.md §1, defaults filled in. */
export type Manifest = z.output<typeof manifestSchema>;
/** Who may sign now, and how many of them must. */
export type Owners = z.output<typeof ownersSchema>;
/** A variable that a manifest declares. */
export type DeclaredVariable = z.output<typeof variableSchema>;
/** Whether a variable is shown or hidden. */
export type Visibility = DeclaredVariable['visibility'];
/** Whether owners may change a variable. */
export type Mutability = DeclaredVariable['mutability'];

/**
 * The manifest in a file.
 * @param bytes UTF-8 JSON, at most 256 KiB.
 * @throws {OperatorError} `operator/manifest-malformed`.
 * @example const manifest = parseManifest(readFileSync('/etc/assay/operator.json'))
 */
export function parseManifest(bytes: Uint8Array): Manifest {
  const malformed = (why: string, cause?: unknown): OperatorError =>
    new OperatorError('operator/manifest-malformed', `the operator manifest: ${why}; see spec/operator.md §1`, { cause });
  let value: unknown;
  try {
    value = parseJson(bytes, { maxBytes: MAX_MANIFEST_BYTES });
  } catch (cause) {
    throw malformed(`expected JSON, got ${cause instanceof Error ? cause.message : 'other bytes'}`, cause);
  }
  const checked = manifestSchema.safeParse(value);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw malformed(`${z.core.toDotPath(issue?.path ?? []) || 'whole'}: ${issue?.message ?? 'malformed'}`, checked.error);
  }
  const { variables } = checked.data;
  if (Object.keys(variables).length > MOST_VARIABLES) throw malformed(`expected at most ${MOST_VARIABLES} variables`);
  for (const [name, { default: text, visibility }] of Object.entries(variables)) {
    if (new TextEncoder().encode(text).length > MAX_VALUE_BYTES)
      throw malformed(`variables.${name}.default: expected at most ${MAX_VALUE_BYTES} bytes`);
    // The manifest is shown to everyone as a whole.
    if (visibility === 'hidden' && text !== '')
      throw malformed(
        `variables.${name}.default: expected none for a hidden variable, got one, and the manifest is public; set the value with assay variables set`,
      );
  }
  return checked.data;
}

/**
 * Keccak-256 of the manifest's JCS form, defaults filled in.
 * @example manifestDigest(parseManifest(bytes))
 */
export function manifestDigest(manifest: Manifest): Hex {
  return keccakOf(new TextEncoder().encode(canonicalJson(manifest as unknown as JsonObject)));
}

/** What an agent id is made of (spec/operator.md §2). */
export interface AgentIdParts {
  readonly manifest: Hex;
  /** Origin of the agent's log. */
  readonly log: string;
  /** Verifier keys of the log, in its order. */
  readonly logKeys: readonly string[];
  /** Names the secret that seals the agent's state: another secret is another agent. Keccak-256. */
  readonly secret: Hex;
}

/**
 * The id that owners' messages name: 32 bytes that no other deployment has, so that no message serves two agents.
 * @example agentId({ manifest: manifestDigest(parseManifest(bytes)), log: 'log.assay/1f', logKeys, secret }) // 0x9c…
 */
export function agentId(parts: AgentIdParts): Hex {
  const { manifest, log, logKeys, secret } = parts;
  const text = canonicalJson({ v: 'assay-agent/1', manifest, log, log_keys: [...logKeys], secret });
  return keccakOf(new TextEncoder().encode(text));
}
