/**
 * Blobs beside a transaction (EIP-4844; cell proofs of EIP-7594): the caller makes commitments and proofs, the transaction names the hashes of
 * the commitments, and nodes take the transaction with the sidecar around it.
 *
 * Not checked: that a commitment is the blob's, and the proofs. Nodes check both, and take no transaction otherwise.
 */

import { sha256 } from '@assay/encoding/sha256';
import { concatHex, fromRlp, toRlp } from 'viem/utils';
import { OperatorError } from './errors.ts';
import { bytesOf, type Hex, hexOf } from './hex.ts';

/** Blob gas of one blob. */
export const GAS_PER_BLOB = 131_072n;
/** Of one transaction (EIP-7594). */
export const MOST_BLOBS = 6;
/** Proofs of one blob: one (EIP-4844), or one for each cell (EIP-7594). */
const CELLS = 128;
const BLOB_BYTES = 131_072;
const POINT_BYTES = 48;
const VERSION_KZG = '01';

/** What travels with a transaction and is no part of it. Hex, lower case. */
export interface BlobSidecar {
  readonly blobs: readonly Hex[];
  readonly commitments: readonly Hex[];
  /** As many as blobs, or 128 for each. */
  readonly proofs: readonly Hex[];
}

/**
 * Checks sizes and numbers of a sidecar.
 * @throws {OperatorError} `operator/transaction-malformed`.
 * @example checkSidecar({ blobs: [blob], commitments: [commitment], proofs: [proof] })
 */
export function checkSidecar({ blobs, commitments, proofs }: BlobSidecar): void {
  const malformed = (why: string): OperatorError =>
    new OperatorError('operator/transaction-malformed', `sidecar: ${why}; see docs/operator.md`);
  if (blobs.length < 1 || blobs.length > MOST_BLOBS) throw malformed(`expected 1 to ${MOST_BLOBS} blobs, got ${blobs.length}`);
  if (commitments.length !== blobs.length)
    throw malformed(`expected ${blobs.length} commitments, one a blob, got ${commitments.length}`);
  if (proofs.length !== blobs.length && proofs.length !== CELLS * blobs.length)
    throw malformed(`expected ${blobs.length} proofs, or ${CELLS} a blob, got ${proofs.length}`);
  const sizes = [
    ['blobs', blobs, BLOB_BYTES],
    ['commitments', commitments, POINT_BYTES],
    ['proofs', proofs, POINT_BYTES],
  ] as const;
  for (const [name, values, bytes] of sizes)
    if (values.some((value) => value.length !== 2 + 2 * bytes)) throw malformed(`expected ${name} of ${bytes} bytes each`);
}

/**
 * The hashes that a transaction names: version 1 and SHA-256 of each commitment without its first byte.
 * @example versionedHashes(commitments).every((hash) => hash.startsWith('0x01')) // true
 */
export function versionedHashes(commitments: readonly Hex[]): readonly Hex[] {
  return commitments.map((commitment): Hex => `0x${VERSION_KZG}${hexOf(sha256(bytesOf(commitment))).slice(4)}`);
}

/**
 * The bytes that nodes take: signed transaction and sidecar in one. Its hash is not the transaction's.
 * @param signed of type 3, without a sidecar.
 * @example await client.sendRawTransaction({ serializedTransaction: withSidecar(signed, sidecar) })
 */
export function withSidecar(signed: Hex, { blobs, commitments, proofs }: BlobSidecar): Hex {
  const fields = fromRlp(`0x${signed.slice(4)}`, 'hex');
  const version: readonly Hex[] = proofs.length === blobs.length ? [] : ['0x01'];
  return concatHex([
    '0x03',
    toRlp([fields, ...version, [...blobs], [...commitments], [...proofs]] as Parameters<typeof toRlp>[0]),
  ]);
}
