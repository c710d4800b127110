/**
 * A change of a variable, ready to be signed by owners (spec/operator.md §4). A hidden value is sealed to a key of the keyset that was
 * verified; nothing else can open it.
 */

import { ohttpKey, sealMessage, X25519 } from '@assay/channel';
import { encodeBase64 } from '@assay/encoding/base64';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { bytesOf, type Hex, hexOf, type OwnerFields, type OwnerMessage, ownerMessageHash, valueHash } from '@assay/operator';
import type { Keyset } from '@assay/receipt';

const VALUE_INFO = utf8('assay operator value/1');

export interface VariableChange {
  readonly agentId: Hex;
  /** The keyset that was just verified. */
  readonly keyset: Keyset;
  /** As `/api/v1/config` shows it now. */
  readonly current: {
    readonly name: string;
    readonly visibility: 'hidden' | 'public';
    readonly mutability: 'mutable' | 'immutable';
    readonly version: number;
    readonly change_hash: Hex;
  };
  readonly value: string;
  /** Show the value from now on; there is no way back. */
  readonly makePublic: boolean;
  /** Never change it again. */
  readonly makeImmutable: boolean;
  /** Of the policy in force. */
  readonly policyHash: Hex;
  /** Epoch seconds. */
  readonly expiry: number;
}

/** The members of an entry of `POST /api/v1/variables`, signatures aside. */
export interface VariableEntry {
  readonly message: Extract<OwnerMessage, { readonly type: 'SetVariable' }>;
  readonly value?: string;
  readonly salt?: Hex;
  readonly sealed?: { readonly encapsulated: string; readonly ciphertext: string };
}

/**
 * The message that owners sign, and the value with it: sealed while hidden, in clear once public.
 * @throws {OperatorError} `operator/message-malformed` for a value over 64 KiB.
 * @example
 * const wishes = { value: 'hello', makePublic: false, makeImmutable: false };
 * const { message, ...content } = await variableEntry({ agentId, keyset, current, policyHash, expiry, ...wishes });
 */
export async function variableEntry(change: VariableChange): Promise<VariableEntry> {
  const { agentId, keyset, current, value, makePublic, makeImmutable, policyHash, expiry } = change;
  const salt = crypto.getRandomValues(new Uint8Array(32));
  const fields: OwnerFields<'SetVariable'> = {
    agentId,
    name: current.name,
    visibility: makePublic ? 'public' : current.visibility,
    mutability: makeImmutable ? 'immutable' : current.mutability,
    valueHash: valueHash(salt, value),
    version: current.version + 1,
    previousHash: current.change_hash,
    policyHash,
    expiry,
  };
  const message = { type: 'SetVariable', fields } as const;
  if (fields.visibility === 'public') return { message, value, salt: hexOf(salt) };
  const { publicKey } = ohttpKey(keyset.e2ee_public_keys);
  const about = { info: VALUE_INFO, additionalData: bytesOf(ownerMessageHash(message)) };
  const { encapsulated, ciphertext } = await sealMessage(X25519, publicKey, about, concatBytes(salt, utf8(value)));
  return { message, sealed: { encapsulated: encodeBase64(encapsulated), ciphertext: encodeBase64(ciphertext) } };
}

/**
 * Whether the attested keyset names this agent id: only then may owners sign for it.
 * @example if (!isAttestedAgent(keyset, agentId)) throw new Error('not the agent of this keyset')
 */
export function isAttestedAgent({ subject }: Keyset, agentId: unknown): boolean {
  return subject !== null && subject === `urn:assay:agent:${String(agentId)}`;
}
