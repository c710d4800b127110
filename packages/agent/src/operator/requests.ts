/** Bodies of the operator's routes as what they ask for. Bad input is refused before anything is opened or checked. */

import { decodeBase64 } from '@assay/encoding/base64';
import { parseJson } from '@assay/encoding/json';
import { OperatorError, parseOwnerMessage, parseSigningPolicy, signatureSchema } from '@assay/operator';
import { z } from 'zod';
import { ServerError } from '../errors.ts';
import type { AcknowledgeEntry, ControlEntry } from './control.ts';
import type { AcknowledgeHeadEntry } from './outside-head.ts';
import type { VariableEntry } from './variables.ts';

/** Changes in one batch. */
const MOST_CHANGES = 100;
const MAX_DEPTH = 32;
/** Characters of a variable's name, as in manifests. */
const MAX_NAME = 64;

const signatures = z.array(signatureSchema).min(1).max(64);
const bytes = z.string().transform((text, context) => {
  try {
    return decodeBase64(text);
  } catch {
    context.addIssue('expected padded base64');
    return z.NEVER;
  }
});

const legacySchema = z.strictObject({
  name: z.string().min(1).max(MAX_NAME),
  value: z.string(),
  signature: z.string().max(132),
  public: z.boolean().optional(),
});
const signedSchema = z.strictObject({
  message: z.unknown(),
  signatures,
  value: z.string().optional(),
  salt: z
    .string()
    .regex(/^0x[0-9a-f]{64}$/, 'expected 0x and 64 lower-case hex characters')
    .transform((text) => text as `0x${string}`)
    .optional(),
  sealed: z.strictObject({ encapsulated: bytes, ciphertext: bytes }).optional(),
});
const batchSchema = z.strictObject({
  variables: z.array(z.looseObject({})).min(1).max(MOST_CHANGES, `expected at most ${MOST_CHANGES} changes`),
});
const controlSchema = z.strictObject({ message: z.unknown(), signatures, policy: z.looseObject({}).optional() });

/**
 * The changes in a body of `POST /api/v1/variables`.
 * @throws {ServerError} `http/bad-json`; {OperatorError} `operator/message-malformed`.
 */
export function readVariableEntries(body: Uint8Array): readonly VariableEntry[] {
  const { variables } = checked(batchSchema, jsonOf(body), 'the body');
  return variables.map((entry, index) => {
    const place = `variables.${index}`;
    if (!Object.hasOwn(entry, 'message')) return { form: 'legacy', ...checked(legacySchema, entry, place) };
    const { message, signatures: signed, value, salt, sealed } = checked(signedSchema, entry, place);
    const parsed = parseOwnerMessage(message);
    const clear = value !== undefined && salt !== undefined ? { salt, text: value } : undefined;
    const given = sealed ?? clear;
    if (parsed.type !== 'SetVariable' || given === undefined || (sealed !== undefined && value !== undefined))
      throw malformed(place, 'expected a SetVariable message with sealed, or with value and salt');
    return { form: 'eip712', fields: parsed.fields, signatures: signed, value: given };
  });
}

/**
 * The message in a body of `POST /api/v1/control`.
 * @throws {ServerError} `http/bad-json`; {OperatorError} `operator/message-malformed`, `operator/policy-malformed`.
 */
export function readControlEntry(body: Uint8Array): ControlEntry | AcknowledgeEntry | AcknowledgeHeadEntry {
  const { message, signatures: signed, policy } = checked(controlSchema, jsonOf(body), 'the body');
  const parsed = parseOwnerMessage(message);
  if (parsed.type === 'SetVariable' || parsed.type === 'ApproveTransaction')
    throw malformed(
      'message',
      `expected SetOwners, SetPolicy, SetPaused, AcknowledgeState or AcknowledgeHead, got ${parsed.type}`,
    );
  if (parsed.type === 'AcknowledgeState') return { message: parsed, signatures: signed };
  if (parsed.type === 'AcknowledgeHead') return { message: parsed, signatures: signed };
  return {
    message: parsed,
    signatures: signed,
    policy: policy === undefined ? undefined : parseSigningPolicy(JSON.stringify(policy)),
  };
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return parseJson(body, { maxDepth: MAX_DEPTH });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'malformed';
    throw new ServerError('http/bad-json', `the body is not valid JSON: ${why}`, { cause });
  }
}

function checked<Schema extends z.ZodType>(schema: Schema, value: unknown, place: string): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = z.core.toDotPath(issue?.path ?? []);
  throw malformed(path === '' ? place : `${place}.${path}`, issue?.message ?? 'malformed');
}

function malformed(place: string, why: string): OperatorError {
  return new OperatorError('operator/message-malformed', `${place}: ${why}; see docs/operator.md`);
}
