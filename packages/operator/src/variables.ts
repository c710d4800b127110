/**
 * What a change of a variable may do (spec/operator.md §4): pure, so that the agent and those who recheck its history decide alike.
 * Hidden may become public and mutable immutable, never back; an immutable variable is set once.
 */

import { utf8 } from '@assay/encoding/bytes';
import { OperatorError } from './errors.ts';
import { bytesOf, type Hex, keccakOf, ZERO_HASH } from './hex.ts';
import {
  type DeclaredVariable,
  MAX_VALUE_BYTES,
  type Manifest,
  type Mutability,
  type Owners,
  type Visibility,
} from './manifest.ts';
import { type OwnerFields, ownerMessageHash } from './owner-message.ts';
import { authorizedSigners } from './signers.ts';

/** Where a variable stands. */
export interface VariableState {
  readonly name: string;
  readonly visibility: Visibility;
  readonly mutability: Mutability;
  /** 0: never set, the declared default holds. */
  readonly version: number;
  /** Digest of the change that made this version; 32 zero bytes before the first. */
  readonly changeHash: Hex;
  /** Commitment to the value; 32 zero bytes before the first change. */
  readonly valueHash: Hex;
}

/** A change that owners signed. */
export interface SignedChange {
  readonly fields: OwnerFields<'SetVariable'>;
  readonly signatures: readonly Hex[];
}

/** What a change is held against. */
export interface ChangeRules {
  readonly manifest: Manifest;
  readonly agentId: Hex;
  readonly owners: Owners;
  /** Hash of the policy in force. */
  readonly policyHash: Hex;
  /** Epoch seconds. */
  readonly now: number;
}

/** A change that may be made, and who signed it. */
export interface AcceptedChange {
  readonly next: VariableState;
  readonly signers: readonly Hex[];
}

/**
 * The declared variable.
 * @throws {OperatorError} `operator/variable-unknown`.
 * @example declaredVariable(parseManifest(bytes), 'SYSTEM_PROMPT').visibility
 */
export function declaredVariable(manifest: Manifest, name: string): DeclaredVariable {
  const declared = Object.hasOwn(manifest.variables, name) ? manifest.variables[name] : undefined;
  if (declared !== undefined) return declared;
  throw new OperatorError(
    'operator/variable-unknown',
    'expected a variable that the manifest declares, got another name; GET /api/v1/config lists them',
  );
}

/**
 * A variable that was never set.
 * @example unsetVariable(parseManifest(bytes), 'SYSTEM_PROMPT').version // 0
 */
export function unsetVariable(manifest: Manifest, name: string): VariableState {
  const { visibility, mutability } = declaredVariable(manifest, name);
  return { name, visibility, mutability, version: 0, changeHash: ZERO_HASH, valueHash: ZERO_HASH };
}

/**
 * Commits to a value: Keccak-256 of a random salt of 32 bytes and the value's UTF-8. Without the salt values cannot be guessed and tried.
 * @throws {OperatorError} `operator/message-malformed` for a longer value or another salt.
 * @example valueHash(crypto.getRandomValues(new Uint8Array(32)), 'hello')
 */
export function valueHash(salt: Uint8Array, value: string): Hex {
  const bytes = utf8(value);
  if (salt.length !== 32 || bytes.length > MAX_VALUE_BYTES)
    throw new OperatorError(
      'operator/message-malformed',
      `expected a salt of 32 bytes and a value of at most ${MAX_VALUE_BYTES} bytes, got ${salt.length} and ${bytes.length}; send a shorter value`,
    );
  return keccakOf(salt, bytes);
}

/**
 * Refuses a message that is late, of another agent, replayed or out of order. Shared by all chained messages.
 * @throws {OperatorError} `operator/replayed`, `operator/out-of-order`, and those of {@link refuseForeign}.
 * @example refuseMisplaced(message.fields, state, { agentId, now: Date.now() })
 */
export function refuseMisplaced(
  fields: { readonly agentId: Hex; readonly expiry: number; readonly version: number; readonly previousHash: Hex },
  current: { readonly version: number; readonly changeHash: Hex },
  rules: Pick<ChangeRules, 'agentId' | 'now'>,
): void {
  refuseForeign(fields, rules);
  if (fields.version <= current.version)
    throw new OperatorError(
      'operator/replayed',
      `expected version ${current.version + 1}, got ${fields.version}, which is taken; read the state again and sign the next version`,
    );
  if (fields.version !== current.version + 1 || fields.previousHash !== current.changeHash)
    throw new OperatorError(
      'operator/out-of-order',
      `expected version ${current.version + 1} after ${current.changeHash}, got version ${fields.version} after ${fields.previousHash}; read the state again`,
    );
}

/**
 * Refuses a message for another agent, or one whose time is over.
 * @throws {OperatorError} `operator/other-agent`, `operator/expired`.
 * @example refuseForeign(message.fields, { agentId, now: Date.now() })
 */
export function refuseForeign(
  fields: { readonly agentId: Hex; readonly expiry: number },
  { agentId, now }: Pick<ChangeRules, 'agentId' | 'now'>,
): void {
  if (fields.agentId !== agentId)
    throw new OperatorError(
      'operator/other-agent',
      `expected agent ${agentId}, got ${fields.agentId}, which differs from character ${firstDifference(agentId, fields.agentId)} on; sign for the agent that assay variables list or GET /api/v1/config shows`,
    );
  if (fields.expiry <= now)
    throw new OperatorError(
      'operator/expired',
      `expected a message that is still good at ${timeOf(now)}, got one that ended ${timeOf(fields.expiry)}; sign again, and let it last longer with --expires`,
    );
}

/** ISO 8601 of epoch seconds, as far as there are dates. */
function timeOf(seconds: number): string {
  return new Date(Math.min(seconds, 8_640_000_000_000) * 1000).toISOString().replace('.000Z', 'Z');
}

/** Where two texts differ first, counted from 1. */
function firstDifference(one: string, two: string): number {
  let at = 0;
  while (at < one.length && one[at] === two[at]) at += 1;
  return at + 1;
}

/**
 * The state after a change that owners signed.
 * @throws {OperatorError} `operator/variable-unknown`, `operator/other-agent`, `operator/expired`, `operator/replayed`,
 * `operator/out-of-order`, `operator/policy-changed`, `operator/immutable`, `operator/widened`, and those of `authorizedSigners`.
 * @example const { next, signers } = acceptChange(unsetVariable(manifest, 'model'), change, rules)
 */
export function acceptChange(current: VariableState, { fields, signatures }: SignedChange, rules: ChangeRules): AcceptedChange {
  const { manifest, owners, policyHash } = rules;
  const declared = declaredVariable(manifest, fields.name);
  refuseMisplaced(fields, current, rules);
  if (fields.policyHash !== policyHash)
    throw new OperatorError(
      'operator/policy-changed',
      `expected the policy in force, ${policyHash}, got ${fields.policyHash}; look at the policy and sign again`,
    );
  refuseNarrowing(current, fields);
  const changeHash = ownerMessageHash({ type: 'SetVariable', fields });
  const signers = authorizedSigners(changeHash, signatures, owners, declared.signers === 'one' ? 1 : owners.threshold);
  const { name, visibility, mutability, version, valueHash: value } = fields;
  return { next: { name, visibility, mutability, version, changeHash, valueHash: value }, signers };
}

function refuseNarrowing(
  current: VariableState,
  fields: { readonly visibility: Visibility; readonly mutability: Mutability },
): void {
  if (current.mutability === 'immutable' && current.version > 0)
    throw new OperatorError('operator/immutable', `${current.name} is immutable and was set; it stays as it is`);
  if (current.visibility === 'public' && fields.visibility === 'hidden')
    throw new OperatorError('operator/widened', `${current.name} is public; it cannot become hidden again`);
  if (current.mutability === 'immutable' && fields.mutability === 'mutable')
    throw new OperatorError('operator/widened', `${current.name} is immutable; it cannot become mutable again`);
}

/**
 * Checks that a value is the one that was signed.
 * @param salt 32 bytes, hex.
 * @throws {OperatorError} `operator/value-mismatch`.
 * @example matchValue(message.fields, salt, 'hello')
 */
export function matchValue(fields: { readonly name: string; readonly valueHash: Hex }, salt: Hex, value: string): void {
  if (valueHash(bytesOf(salt), value) !== fields.valueHash)
    throw new OperatorError(
      'operator/value-mismatch',
      `${fields.name}: expected the value that valueHash commits to, got another; send the salt and value that were signed`,
    );
}
