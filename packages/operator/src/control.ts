/**
 * What else owners change: their own set, the policy, the pause (spec/operator.md §5). Each is a chain of versions of its own, as a
 * variable is.
 */

import { OperatorError } from './errors.ts';
import { type Hex, ZERO_HASH } from './hex.ts';
import type { Manifest, Owners } from './manifest.ts';
import { type OwnerFields, type OwnerMessage, ownerMessageHash } from './owner-message.ts';
import { authorizedSigners } from './signers.ts';
import { refuseMisplaced } from './variables.ts';

/** Where one chain stands. */
export interface ChainHead {
  /** 0: as the manifest says. */
  readonly version: number;
  /** Digest of the last change; 32 zero bytes before the first. */
  readonly changeHash: Hex;
}

/** The head of a chain of changes before its first change. */
export const UNCHANGED: ChainHead = { version: 0, changeHash: ZERO_HASH };

/** What is in force. */
export interface ControlState {
  readonly owners: ChainHead & { readonly value: Owners };
  /** `value`: Keccak-256 of the policy's JCS form; 32 zero bytes: none, everything is denied. */
  readonly policy: ChainHead & { readonly value: Hex };
  readonly paused: ChainHead & { readonly value: boolean };
}

/** What owners control. */
export type ControlName = keyof ControlState;

/**
 * What holds before owners changed anything.
 * @example initialControl(parseManifest(bytes)).paused // false
 */
export function initialControl(manifest: Manifest): ControlState {
  return {
    owners: { ...UNCHANGED, value: manifest.owners },
    policy: { ...UNCHANGED, value: ZERO_HASH },
    paused: { ...UNCHANGED, value: false },
  };
}

/** A message that changes control. */
export type ControlMessage = Extract<OwnerMessage, { readonly type: 'SetOwners' | 'SetPolicy' | 'SetPaused' }>;

/** The state after a control message, and who signed it. */
export interface AcceptedControl {
  readonly name: ControlName;
  readonly next: ControlState;
  readonly signers: readonly Hex[];
}

/**
 * The state after a message of owners. Owners and policy need the threshold; one owner pauses, the threshold resumes.
 * @param now epoch seconds.
 * @throws {OperatorError} `operator/other-agent`, `operator/expired`, `operator/replayed`, `operator/out-of-order`,
 * `operator/message-malformed` for an impossible set of owners, and those of `authorizedSigners`.
 * @example acceptControl(initialControl(manifest), message, signatures, { agentId, now })
 */
export function acceptControl(
  current: ControlState,
  message: ControlMessage,
  signatures: readonly Hex[],
  rules: { readonly agentId: Hex; readonly now: number },
): AcceptedControl {
  const owners = current.owners.value;
  const name = NAMES[message.type];
  refuseMisplaced(message.fields, current[name], rules);
  const changeHash = ownerMessageHash(message);
  const needed = message.type === 'SetPaused' && message.fields.paused ? 1 : owners.threshold;
  const head: ChainHead = { version: message.fields.version, changeHash };
  const signers = authorizedSigners(changeHash, signatures, owners, needed);
  return { name, next: { ...current, ...changed(message, head) }, signers };
}

const NAMES = { SetOwners: 'owners', SetPolicy: 'policy', SetPaused: 'paused' } as const;

function changed(message: ControlMessage, head: ChainHead): Partial<ControlState> {
  switch (message.type) {
    case 'SetOwners':
      return { owners: { ...head, value: nextOwners(message.fields) } };
    case 'SetPolicy':
      return { policy: { ...head, value: message.fields.policyHash } };
    case 'SetPaused':
      return { paused: { ...head, value: message.fields.paused } };
  }
}

function nextOwners({ owners, threshold }: OwnerFields<'SetOwners'>): Owners {
  if (new Set(owners).size !== owners.length || threshold > owners.length)
    throw new OperatorError(
      'operator/message-malformed',
      `expected each owner once and a threshold of at most ${owners.length}, got ${threshold}; sign another set`,
    );
  return { addresses: owners, threshold };
}
