/**
 * Verifies the result file that the agent hands out (`attestation.json`: the answer with its `attestation` member, or that member
 * alone). Asked: structure, nonce, age, TEE type, inference metadata, the code against `response_hash` — and the signatures, by the
 * receipt or bundle that belongs to the answer. All but the last are claims that anyone can write; without a signature the file is
 * not authentic, however well it is formed.
 */

import { type Check, fail, formatInstant, notChecked, parseInstant, pass } from '@assay/attestation';
import { utf8 } from '@assay/encoding/bytes';
import { type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { type Receipt, taskNonce } from '@assay/receipt';
import { ClientError } from '../errors.ts';
import { modelWarnings } from './bundle.ts';
import { sha256Hex } from './digest.ts';
import { type ResolvedOptions, resolveOptions, type VerifyOptions } from './options.ts';
import { openSignature, type ResultSignature } from './result-signature.ts';
import { concluded, failedVerdict, type ResultVerdict } from './verdict.ts';

const SPEC = 'spec/result-file.md';
/** Seconds a result may be old unless the policy says otherwise. */
export const RESULT_MAX_AGE_SECONDS = 600;
const SKEW_SECONDS = 60;

/** TEE types a result can name; the first five are those of the original verifier. */
export const RESULT_TEE_TYPES = [
  'nvidia_h100_tee',
  'nvidia_h100_confidential_compute',
  'intel_sgx',
  'intel_tdx',
  'amd_sev',
  'amd_sev_snp',
  'aws_nitro',
  'dstack',
  'vendor',
  'simulated',
] as const;

export interface ResultFile {
  /** The whole answer; equal to `attestation` when the file is that member alone. */
  readonly answer: JsonObject;
  readonly attestation: JsonObject;
}

/** True for JSON that is a result file, authentic or not. */
export function isResultFile(json: Json): json is JsonObject {
  const file = asResult(json);
  if (file === null) return false;
  const { answer, attestation } = file;
  return answer === attestation
    ? 'measurements' in attestation && 'signature' in attestation && 'timestamp' in attestation
    : true;
}

function asResult(json: Json | undefined): ResultFile | null {
  if (!isObject(json)) return null;
  const { attestation } = json;
  if ('generated_code' in json || 'execution_result' in json || 'retries_used' in json) {
    return { answer: json, attestation: isObject(attestation) ? attestation : {} };
  }
  return 'measurements' in json && 'timestamp' in json ? { answer: json, attestation: json } : null;
}

/**
 * The verdict on a result file.
 * @param bytes the agent's whole answer, or its `attestation` member.
 * @example const verdict = await verifyResultFile(bytes, { expected: { nonce }, trust: { simulatedRoot: pem } });
 */
export async function verifyResultFile(bytes: Uint8Array, options: VerifyOptions = {}): Promise<ResultVerdict> {
  const resolved = resolveOptions(options);
  try {
    return await resultVerdict(parseJson(bytes), resolved);
  } catch (error) {
    return failedVerdict('result', error, resolved.now);
  }
}

/** {@link verifyResultFile} for a file that was parsed already. */
export async function resultVerdict(json: Json, options: ResolvedOptions): Promise<ResultVerdict> {
  const file = asResult(json);
  if (file === null) {
    const error = new ClientError(
      'result/malformed',
      'expected an answer of the agent or its attestation member, got other JSON; save the whole response',
    );
    return failedVerdict('result', error, options.now);
  }
  const stated = [...statedChecks(file, options), ...(await codeChecks(file, options))];
  try {
    const signed = await openSignature(file, options);
    return signedVerdict(file, signed, [...stated, ...signed.checks, ...(await signedChecks(file, signed.receipt))], options);
  } catch (error) {
    return failedVerdict('result', error, options.now, stated);
  }
}

/** What the file says of itself, checked for shape and against the caller's wishes. */
function statedChecks({ attestation }: ResultFile, options: ResolvedOptions): readonly Check[] {
  return [
    structure(attestation),
    nonce(attestation, options),
    freshness(attestation, options),
    teeType(attestation),
    inference(attestation),
  ];
}

function structure(attestation: JsonObject): Check {
  const missing = ['type', 'measurements', 'signature', 'timestamp'].filter(
    (name) => attestation[name] === undefined || attestation[name] === null,
  );
  const expected = 'type, measurements, signature, timestamp';
  return missing.length === 0
    ? pass('result.structure', SPEC, expected)
    : fail('result.structure', SPEC, expected, `without ${missing.join(', ')}`);
}

function nonceOf(attestation: JsonObject): string | null {
  const { verification } = attestation;
  const found = attestation.nonce ?? (isObject(verification) ? verification.nonce : undefined);
  return typeof found === 'string' ? found : null;
}

function nonce(attestation: JsonObject, { expected }: ResolvedOptions): Check {
  const found = nonceOf(attestation);
  const wanted = expected.nonce ?? '64 hex characters';
  if (found === null) return fail('result.nonce', SPEC, wanted, 'none');
  if (expected.nonce !== undefined)
    return found === expected.nonce ? pass('result.nonce', SPEC, found, wanted) : fail('result.nonce', SPEC, wanted, found);
  return /^[0-9a-f]{64}$/i.test(found) ? pass('result.nonce', SPEC, found, wanted) : fail('result.nonce', SPEC, wanted, found);
}

function freshness({ timestamp }: JsonObject, { now, policy }: ResolvedOptions): Check {
  const maxAge = policy.freshness?.maxAgeSeconds ?? RESULT_MAX_AGE_SECONDS;
  const expected = `at most ${maxAge} s old`;
  const made =
    typeof timestamp === 'number' ? timestamp * 1000 : typeof timestamp === 'string' ? parseInstant(timestamp) : null;
  if (made === null) return fail('result.freshness', SPEC, expected, 'no readable timestamp');
  const age = (now - made) / 1000;
  const actual = `made ${formatInstant(made)}`;
  return age <= maxAge && age >= -SKEW_SECONDS
    ? pass('result.freshness', SPEC, actual, expected)
    : fail('result.freshness', SPEC, expected, actual);
}

function teeType({ type }: JsonObject): Check {
  const actual = typeof type === 'string' ? type : 'none';
  const expected = `one of ${RESULT_TEE_TYPES.join(', ')}`;
  return (RESULT_TEE_TYPES as readonly string[]).includes(actual)
    ? pass('result.tee-type', SPEC, actual, expected)
    : fail('result.tee-type', SPEC, expected, actual);
}

function inference(attestation: JsonObject): Check {
  const found = attestation.inference;
  const expected = 'model, prompt_hash, response_hash';
  if (!isObject(found)) return fail('result.inference', SPEC, expected, 'no inference member');
  const missing = [
    ...(typeof found.model === 'string' && found.model !== '' ? [] : ['model']),
    ...['prompt_hash', 'response_hash'].filter((name) => hash(found[name]) === null),
  ];
  return missing.length === 0
    ? pass('result.inference', SPEC, String(found.model), expected)
    : fail('result.inference', SPEC, expected, `without ${missing.join(', ')}`);
}

/** The code in the answer, and the code the caller holds, against `response_hash`. */
async function codeChecks({ answer, attestation }: ResultFile, options: ResolvedOptions): Promise<readonly Check[]> {
  const { inference: stated } = attestation;
  const expected = isObject(stated) ? hash(stated.response_hash) : null;
  const code = answer.generated_code;
  const inside =
    typeof code === 'string'
      ? [compareHash('result.code-hash', expected, await sha256Hex(utf8(code)))]
      : [notChecked('result.code-hash', SPEC, 'the file carries no code')];
  return options.code === null
    ? inside
    : [...inside, compareHash('result.given-code', expected, await sha256Hex(options.code))];
}

function compareHash(id: string, expected: string | null, actual: string): Check {
  return expected === actual ? pass(id, SPEC, actual, expected) : fail(id, SPEC, expected ?? 'a response_hash', actual);
}

/** The signed receipt must be about this answer: the same code, nonce and model. */
async function signedChecks(file: ResultFile, { event_log: events }: Receipt): Promise<readonly Check[]> {
  return [await signedCode(file, events), signedNonce(file, events), ...signedModel(file, events)];
}

/** @throws {ClientError} `result/code-mismatch`. */
async function signedCode({ answer, attestation }: ResultFile, events: Receipt['event_log']): Promise<Check> {
  const code = answer.generated_code;
  const { inference: stated } = attestation;
  const wanted = typeof code === 'string' ? await sha256Hex(utf8(code)) : isObject(stated) ? hash(stated.response_hash) : null;
  const hashes = events
    .filter(({ type }) => type === 'code.generated' || type === 'code.executed')
    .map((event) => hash(event.code_hash as Json | undefined));
  if (wanted !== null && hashes.includes(wanted)) return pass('result.signed-code', SPEC, wanted);
  throw new ClientError(
    'result/code-mismatch',
    `expected code ${hashes.join(' or ') || 'of no kind'}, as in the signed receipt, got ${wanted ?? 'none'}; the file was changed, or belongs to another answer`,
  );
}

function signedNonce({ attestation }: ResultFile, events: Receipt['event_log']): Check {
  const id = 'result.signed-nonce';
  const signed = taskNonce(events);
  if (signed === null) return notChecked(id, SPEC, 'the work was asked for without a nonce');
  const found = nonceOf(attestation);
  return signed === found ? pass(id, SPEC, signed) : fail(id, SPEC, signed, found);
}

/** Nothing to ask when no model was called, or the file names none. */
function signedModel({ attestation }: ResultFile, events: Receipt['event_log']): readonly Check[] {
  const id = 'result.signed-model';
  const called = events.findLast(({ type }) => type === 'model.called');
  const named = isObject(attestation.inference) ? attestation.inference.model : undefined;
  if (called === undefined || typeof named !== 'string') return [];
  return [called.model === named ? pass(id, SPEC, named) : fail(id, SPEC, String(called.model), named)];
}

function signedVerdict(
  { answer, attestation }: ResultFile,
  { signer, receipt }: ResultSignature,
  checks: readonly Check[],
  { now }: ResolvedOptions,
): ResultVerdict {
  const { claims, tcb, simulated, policy } = signer;
  return concluded({
    ...{ type: 'result', receipt, answer, claims, tcb, simulated, policy },
    inference: attestation.inference ?? null,
    subject: `${simulated ? 'SIMULATED ' : ''}result file, signed under ${signer.subject.replace(/SIMULATED /g, '')}`,
    checks: [...checks, ...signer.checks],
    warnings: [...new Set([...modelWarnings([receipt]), ...signer.warnings])],
    limits: [
      'That the model named made the code: the receipt says which endpoint answered, and whether that endpoint was attested.',
      ...signer.limits,
    ],
    at: formatInstant(now),
  });
}

/** Lower-case hex of a SHA-256, with or without `sha256:` in front. */
function hash(value: Json | undefined): string | null {
  const match = typeof value === 'string' ? /^(?:sha256:|0x)?([0-9a-f]{64})$/i.exec(value) : null;
  return match?.[1]?.toLowerCase() ?? null;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
