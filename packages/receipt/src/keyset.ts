/**
 * The keyset: the public keys that an agent has at one time, as `aci/1` §3.1 writes them. Its digest stands in the statement that the
 * hardware quotes. Format: spec/keyset.md. Not checked here: whether any evidence binds it (statement.ts, verify-report.ts).
 */

import { decodeHex } from '@assay/encoding/hex';
import type { JsonObject } from '@assay/encoding/json';
import { sha256Hex } from '@assay/encoding/sha256';
import { type Digest, digestJson } from './digest.ts';
import { ReceiptError } from './errors.ts';
import { Shape } from './shape.ts';

export interface KeysetKey {
  readonly key_id: string;
  /** `ed25519` signs receipts, `assay-leaf-ed25519` leaves of the log; others are for readers that know them. */
  readonly algo: string;
  readonly public_key: string;
}

export interface TlsKey {
  /** Lower-case hex SHA-256 of the certificate's SubjectPublicKeyInfo. */
  readonly spki_sha256: string;
  readonly domain?: string;
}

export interface Keyset {
  readonly subject: string | null;
  /** Epoch seconds; nothing signed later may be accepted. */
  readonly not_after: number;
  readonly receipt_signing_keys: readonly KeysetKey[];
  readonly e2ee_public_keys: readonly KeysetKey[];
  readonly tls_public_keys: readonly TlsKey[];
}

export const RECEIPT_ALGORITHM = 'ed25519';
export const LEAF_ALGORITHM = 'assay-leaf-ed25519';
/** Signs build provenance, nothing else (spec/contract-build.md §5). */
export const PROVENANCE_ALGORITHM = 'assay-provenance-ed25519';
/** Signs answers to prompts, nothing else (spec/operator.md §7). */
export const AGENT_ALGORITHM = 'assay-agent-secp256k1';
/** Signs agent cards, nothing else. */
export const CARD_ALGORITHM = 'assay-card-ed25519';
/** Signs transactions, nothing else; outlives its keyset. */
export const WALLET_ALGORITHM = 'assay-wallet-secp256k1';

/** Digests of the keysets that {@link parseKeyset} made: nothing changes those. */
const digests = new WeakMap<Keyset, Digest>();

const MEMBERS = ['subject', 'not_after', 'receipt_signing_keys', 'e2ee_public_keys', 'tls_public_keys'];

/**
 * The keyset in `value`, exactly of its shape.
 * @throws {ReceiptError} `keyset/malformed`: unknown or missing members, a key id twice, a key that serves two roles.
 * @example const keyset = parseKeyset(report.attestation.workload_keyset)
 */
export function parseKeyset(value: unknown): Keyset {
  const shape = new Shape(value, 'keyset', 'keyset/malformed', { required: MEMBERS });
  const keyset: Keyset = {
    subject: shape.stringOrNull('subject'),
    not_after: shape.count('not_after'),
    receipt_signing_keys: frozen(shape.array('receipt_signing_keys').map((key) => parseKey(key, 'receipt_signing_keys'))),
    e2ee_public_keys: frozen(shape.array('e2ee_public_keys').map((key) => parseKey(key, 'e2ee_public_keys'))),
    tls_public_keys: frozen(shape.array('tls_public_keys').map(parseTlsKey)),
  };
  const keys = [...keyset.receipt_signing_keys, ...keyset.e2ee_public_keys];
  if (new Set(keys.map((key) => key.key_id)).size !== keys.length)
    throw new ReceiptError('keyset/malformed', 'expected unique key ids in the keyset, got one twice');
  if (new Set(keys.map((key) => key.public_key)).size !== keys.length)
    throw new ReceiptError('keyset/malformed', 'expected one role for each key of the keyset, got a key in two roles');
  digests.set(Object.freeze(keyset), digestJson(keyset));
  return keyset;
}

function frozen<Item extends object>(items: readonly Item[]): readonly Item[] {
  for (const item of items) Object.freeze(item);
  return Object.freeze(items);
}

function parseKey(value: unknown, list: string): KeysetKey {
  const shape = new Shape(value, `keyset.${list}`, 'keyset/malformed', { required: ['key_id', 'algo', 'public_key'] });
  return { key_id: shape.string('key_id'), algo: shape.string('algo'), public_key: shape.string('public_key') };
}

function parseTlsKey(value: unknown): TlsKey {
  const shape = new Shape(value, 'keyset.tls_public_keys', 'keyset/malformed', {
    required: ['spki_sha256'],
    optional: ['domain'],
  });
  const spki_sha256 = shape.matching('spki_sha256', /^[0-9a-f]{64}$/, '64 lower-case hex characters');
  return Object.hasOwn(value as JsonObject, 'domain') ? { spki_sha256, domain: shape.string('domain') } : { spki_sha256 };
}

/**
 * `sha256:` of the keyset's JCS form (ACI §3.1).
 * @example keysetDigest(report.keyset) // sha256:…
 */
export function keysetDigest(keyset: Keyset): Digest {
  return digests.get(keyset) ?? digestJson(keyset);
}

/**
 * The 32-byte public key that `keyId` names, for exactly this algorithm: the attested entry decides, never the artifact.
 * @throws {ReceiptError} `keyset/key-missing` when there is none; `keyset/malformed` when its public key is not 32 bytes of hex.
 * @example await verifyEd25519(signingKey(keyset, receipt.key_id, RECEIPT_ALGORITHM), receiptSigningInput(receipt), signature)
 */
export function signingKey(
  keyset: Keyset,
  keyId: string,
  algorithm: typeof RECEIPT_ALGORITHM | typeof LEAF_ALGORITHM | typeof PROVENANCE_ALGORITHM,
): Uint8Array {
  const entry = keyset.receipt_signing_keys.find((key) => key.key_id === keyId);
  if (entry === undefined || entry.algo !== algorithm)
    throw new ReceiptError(
      'keyset/key-missing',
      `expected an attested ${algorithm} key named by the artifact, got none of that id`,
      {
        details: { keyId, algorithm },
      },
    );
  try {
    return decodeHex(entry.public_key, { bytes: 32 });
  } catch (cause) {
    throw new ReceiptError('keyset/malformed', `expected 32 bytes of hex in the public key of ${keyId}`, { cause });
  }
}

/**
 * The id Assay gives a key: role, `-`, the first 16 hex characters of the key's SHA-256.
 * @example keyId('receipt', publicKey) // 'receipt-1f0c5a3e9b7d2460'
 */
export function keyId(
  role: 'receipt' | 'leaf' | 'provenance' | 'e2ee' | 'agent' | 'card' | 'wallet',
  publicKey: Uint8Array,
): string {
  return `${role}-${sha256Hex(publicKey).slice(0, 16)}`;
}
