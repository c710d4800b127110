/**
 * Reads a policy file, version 1 (spec/policy.md). Strict: an unknown or misspelt member is an error, because a rule that is
 * silently ignored is a rule that is not enforced.
 *
 * Not checked here: whether the measurements or roots in the file are anybody's real ones.
 */

import { type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { AttestationError } from '../errors.ts';
import { EVIDENCE_TYPES, type EvidenceType } from '../model/claims.ts';
import type {
  BindingRule,
  ClaimRule,
  DatedException,
  FreshnessRule,
  GpuRule,
  MeasurementRule,
  Policy,
  TcbRule,
} from '../model/policy.ts';
import { parseInstant } from './instant.ts';
import { SIGNER_SLOTS } from './signer-slots.ts';

const MAX_POLICY_BYTES = 1024 * 1024;

/**
 * Parses a policy file.
 *
 * @param input the file: UTF-8 JSON, at most 1 MiB, or a value already parsed.
 * @throws {AttestationError} `policy/malformed` naming the member that is wrong.
 * @example
 * const policy = parsePolicy('{"version":1,"types":["nitro"],"debug":"refuse"}');
 */
export function parsePolicy(input: string | Uint8Array | JsonObject): Policy {
  const json = typeof input === 'string' || input instanceof Uint8Array ? readJson(input) : input;
  const at = object(json, 'policy', [
    'version',
    '$schema',
    'name',
    'description',
    'types',
    'roots',
    'simulatedRoots',
    'simulated',
    'debug',
    'hostRequested',
    'parts',
    'measurements',
    'tcb',
    'freshness',
    'nonce',
    'bindings',
    'gpu',
    'refusedProducts',
    'identity',
    'tokenIssuers',
    'requiredChecks',
    'claims',
  ]);
  if (at.version !== 1) malformed('version', 'the number 1', at.version);
  return {
    version: 1,
    ...optional('name', at, text),
    ...optional('description', at, text),
    ...optional('types', at, (value, where) => list(value, where, evidenceType)),
    ...optional('roots', at, (value, where) => list(value, where, sha256Hex)),
    ...optional('simulatedRoots', at, (value, where) => list(value, where, sha256Hex)),
    ...optional('simulated', at, (value, where) => choice(value, where, ['refuse', 'when-named'] as const)),
    ...optional('debug', at, (value, where) => choice(value, where, ['refuse', 'allow'] as const)),
    ...optional('hostRequested', at, (value, where) => choice(value, where, ['refuse', 'allow'] as const)),
    ...optional('parts', at, partsRule),
    ...optional('measurements', at, (value, where) => list(value, where, measurementRule)),
    ...optional('tcb', at, tcbRule),
    ...optional('freshness', at, freshnessRule),
    ...optional('nonce', at, (value, where) => choice(value, where, ['required', 'when-given'] as const)),
    ...optional('bindings', at, bindingRule),
    ...optional('gpu', at, gpuRule),
    ...optional('refusedProducts', at, (value, where) => list(value, where, text)),
    ...optional('identity', at, identityRule),
    ...optional('tokenIssuers', at, (value, where) => list(value, where, text)),
    ...optional('requiredChecks', at, (value, where) => list(value, where, text)),
    ...optional('claims', at, (value, where) => list(value, where, claimRule)),
  };
}

function readJson(input: string | Uint8Array): Json {
  try {
    return parseJson(input, { maxBytes: MAX_POLICY_BYTES, maxDepth: 16 });
  } catch (cause) {
    const [why] = (cause as Error).message.split('; ');
    throw new AttestationError(
      'policy/malformed',
      `policy: expected JSON, got other text (${why}); give a policy file, or mend it as spec/policy.md says`,
      { cause },
    );
  }
}

function malformed(where: string, expected: string, got: Json | undefined): never {
  const shown = got === undefined ? 'nothing' : JSON.stringify(got).slice(0, 80);
  throw new AttestationError('policy/malformed', `policy: ${where}: expected ${expected}, got ${shown}; see spec/policy.md`, {
    details: { where },
  });
}

/** `{ [name]: read(value) }` when the member is there, `{}` otherwise. */
function optional<Name extends string, Value>(
  name: Name,
  from: JsonObject,
  read: (value: Json, where: string) => Value,
  prefix = '',
): { readonly [key in Name]?: Value } {
  const value = from[name];
  if (value === undefined) return {};
  return { [name]: read(value, prefix === '' ? name : `${prefix}.${name}`) } as { readonly [key in Name]?: Value };
}

function object(value: Json, where: string, members: readonly string[]): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) malformed(where, 'an object', value);
  for (const name of Object.keys(value)) {
    if (!members.includes(name))
      malformed(where === 'policy' ? name : `${where}.${name}`, `one of ${members.join(', ')}`, name);
  }
  return value as JsonObject;
}

function list<Value>(value: Json, where: string, read: (value: Json, where: string) => Value): readonly Value[] {
  if (!Array.isArray(value)) malformed(where, 'an array', value);
  return (value as readonly Json[]).map((item, index) => read(item, `${where}[${index}]`));
}

function filled<Value>(value: Json, where: string, read: (value: Json, where: string) => Value): readonly Value[] {
  const items = list(value, where, read);
  return items.length > 0 ? items : malformed(where, 'at least one value', value);
}

function text(value: Json, where: string): string {
  return typeof value === 'string' && value.length > 0 ? value : malformed(where, 'text', value);
}

function hex(value: Json, where: string): string {
  if (typeof value !== 'string' || value.length === 0 || !/^(?:[0-9a-f]{2})+$/.test(value))
    malformed(where, 'lower-case hex', value);
  return value as string;
}

function sha256Hex(value: Json, where: string): string {
  const found = hex(value, where);
  return found.length === 64 ? found : malformed(where, '64 lower-case hex characters (SHA-256)', value);
}

function whole(value: Json, where: string): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
    ? value
    : malformed(where, 'a whole number', value);
}

function amount(value: Json, where: string): number {
  return typeof value === 'number' ? value : malformed(where, 'a number', value);
}

function choice<Value extends string>(value: Json, where: string, values: readonly Value[]): Value {
  return values.includes(value as Value) ? (value as Value) : malformed(where, `one of ${values.join(', ')}`, value);
}

function instant(value: Json, where: string): string {
  if (typeof value !== 'string' || parseInstant(value) === null) malformed(where, 'an RFC 3339 instant', value);
  return value as string;
}

function evidenceType(value: Json, where: string): EvidenceType {
  return choice(value, where, EVIDENCE_TYPES);
}

function dated(value: Json, where: string): DatedException {
  const at = object(value, where, ['id', 'until']);
  return { id: text(at.id ?? null, `${where}.id`), until: instant(at.until ?? null, `${where}.until`) };
}

function measurementRule(value: Json, where: string): MeasurementRule {
  const at = object(value, where, ['name', 'type', 'values', 'signer', 'presence']);
  const name = {
    ...optional('name', at, text, where),
    ...optional('presence', at, (item, inner) => choice(item, inner, ['required', 'optional'] as const), where),
  };
  if ((at.values === undefined) === (at.signer === undefined)) malformed(where, 'either values or signer', value);
  if (at.values !== undefined) {
    return { ...name, ...optional('type', at, evidenceType, where), values: hexLists(at.values, `${where}.values`) };
  }
  const type = evidenceType(at.type ?? null, `${where}.type`);
  const slots = SIGNER_SLOTS[type];
  if (slots === undefined) malformed(`${where}.type`, `a type with a signer: ${Object.keys(SIGNER_SLOTS).join(', ')}`, type);
  const signer = object(at.signer ?? null, `${where}.signer`, ['value', 'product', 'minimumVersion']);
  for (const [member, known] of [
    ['product', slots?.product],
    ['minimumVersion', slots?.version],
  ] as const) {
    if (signer[member] !== undefined && known === undefined)
      malformed(`${where}.signer.${member}`, `nothing: ${type} has none`, signer[member]);
  }
  return {
    ...name,
    type,
    signer: {
      value: hex(signer.value ?? null, `${where}.signer.value`),
      ...optional('product', signer, whole, `${where}.signer`),
      ...optional('minimumVersion', signer, whole, `${where}.signer`),
    },
  };
}

/** Name → one hex value or several; never empty, so that no rule matches everything. */
function hexLists(value: Json, where: string): Readonly<Record<string, readonly string[]>> {
  return textLists(value, where, hex);
}

function textLists(
  value: Json,
  where: string,
  read: (value: Json, where: string) => string,
): Readonly<Record<string, readonly string[]>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) malformed(where, 'an object', value);
  const entries = Object.entries(value as JsonObject);
  if (entries.length === 0) malformed(where, 'at least one member', value);
  return Object.fromEntries(
    entries.map(([name, item]) => [
      name,
      typeof item === 'string' ? [read(item, `${where}.${name}`)] : filled(item, `${where}.${name}`, read),
    ]),
  );
}

function identityRule(value: Json, where: string): Readonly<Record<string, readonly string[]>> {
  return textLists(value, where, text);
}

function partsRule(value: Json, where: string): Readonly<Partial<Record<EvidenceType, number>>> {
  const at = object(value, where, EVIDENCE_TYPES);
  const entries = Object.entries(at).map(([type, count]) => [type, whole(count, `${where}.${type}`)] as const);
  return entries.length > 0 ? Object.fromEntries(entries) : malformed(where, 'at least one member', value);
}

function tcbRule(value: Json, where: string): TcbRule {
  const at = object(value, where, ['statuses', 'grace', 'advisories', 'minimumEvaluationNumber', 'minimumDate']);
  return {
    statuses: filled(at.statuses ?? null, `${where}.statuses`, text),
    ...optional('grace', at, (item, inner) => list(item, inner, dated), where),
    ...optional('advisories', at, (item, inner) => list(item, inner, dated), where),
    ...optional('minimumEvaluationNumber', at, whole, where),
    ...optional('minimumDate', at, instant, where),
  };
}

function freshnessRule(value: Json, where: string): FreshnessRule {
  const at = object(value, where, ['maxAgeSeconds', 'skewSeconds', 'required']);
  const required = at.required ?? false;
  if (typeof required !== 'boolean') malformed(`${where}.required`, 'true or false', required);
  return {
    maxAgeSeconds: whole(at.maxAgeSeconds ?? null, `${where}.maxAgeSeconds`),
    skewSeconds: whole(at.skewSeconds ?? 60, `${where}.skewSeconds`),
    required: required === true,
  };
}

function bindingRule(value: Json, where: string): BindingRule {
  const at = object(value, where, ['reportData', 'userData', 'publicKey']);
  const values = (item: Json, inner: string): readonly string[] => filled(item, inner, hex);
  return {
    ...optional('reportData', at, values, where),
    ...optional('userData', at, values, where),
    ...optional('publicKey', at, values, where),
  };
}

function gpuRule(value: Json, where: string): GpuRule {
  const at = object(value, where, ['minimumCount', 'architectures', 'referenceManifests']);
  return {
    minimumCount: whole(at.minimumCount ?? 1, `${where}.minimumCount`),
    ...optional('architectures', at, (item, inner) => filled(item, inner, text), where),
    referenceManifests: choice(at.referenceManifests ?? 'required', `${where}.referenceManifests`, [
      'required',
      'when-given',
    ] as const),
  };
}

function claimRule(value: Json, where: string): ClaimRule {
  const at = object(value, where, ['path', 'type', 'equals', 'oneOf', 'atLeast', 'atMost']);
  const comparisons = ['equals', 'oneOf', 'atLeast', 'atMost'].filter((name) => at[name] !== undefined);
  if (comparisons.length !== 1) malformed(where, 'exactly one of equals, oneOf, atLeast, atMost', value);
  return {
    path: text(at.path ?? null, `${where}.path`),
    ...optional('type', at, evidenceType, where),
    ...optional('equals', at, scalar, where),
    ...optional('oneOf', at, (item, inner) => filled(item, inner, scalar), where),
    ...optional('atLeast', at, amount, where),
    ...optional('atMost', at, amount, where),
  };
}

function scalar(value: Json, where: string): string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : malformed(where, 'text, a number, true or false', value);
}
