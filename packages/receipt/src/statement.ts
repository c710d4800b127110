/**
 * The statement: the one line whose SHA-256 the hardware quotes (ACI §3.2). The verifier builds it itself from the keyset it holds
 * and the nonce it chose, so there is no parser here. Format: spec/keyset.md §2 and §3.
 */

import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { sha256 } from '@assay/encoding/sha256';
import { type Digest, isDigest } from './digest.ts';
import { ReceiptError } from './errors.ts';

const NONCE = /^[0-9a-f]{64}$/;

/**
 * True for a nonce as `aci/1` wants it: 64 lower-case hex characters.
 * @example isNonce('0'.repeat(64)) // true
 */
export function isNonce(value: unknown): value is string {
  return typeof value === 'string' && NONCE.test(value);
}

/**
 * The exact text of the statement. `nonce` is 64 lower-case hex characters, or `null` for the unchallenged form.
 * @throws {ReceiptError} `statement/malformed` for any other digest or nonce.
 * @example statementText(keysetDigest(keyset), nonce)
 */
export function statementText(keysetDigest: Digest, nonce: string | null): string {
  if (!isDigest(keysetDigest)) throw new ReceiptError('statement/malformed', 'expected a keyset digest like sha256:<64 hex>');
  if (nonce !== null && !isNonce(nonce))
    throw new ReceiptError(
      'statement/malformed',
      'expected a nonce of 64 lower-case hex characters; send 32 random bytes as hex',
    );
  const quoted = nonce === null ? 'null' : `"${nonce}"`;
  return `{"keyset_digest":"${keysetDigest}","nonce":${quoted},"purpose":"aci.report_data.v1"}`;
}

/**
 * SHA-256 of the statement, 32 bytes: what the evidence must carry.
 * @example carriesStatement(claims.reportData, statementDigest(keysetDigest, nonce))
 */
export function statementDigest(keysetDigest: Digest, nonce: string | null): Uint8Array {
  return sha256(statementText(keysetDigest, nonce));
}

/**
 * The exact text of the statement about one result (spec/keyset.md §2a): the agent of this keyset computed what `result` is the digest of.
 * @throws {ReceiptError} `statement/malformed`.
 * @example resultStatementText(keysetDigest(keyset), nonce, buildHash)
 */
export function resultStatementText(keysetDigest: Digest, nonce: string | null, result: Digest): string {
  if (!isDigest(result)) throw new ReceiptError('statement/malformed', 'expected a result digest like sha256:<64 hex>');
  const common = statementText(keysetDigest, nonce);
  return common.replace('"purpose":"aci.report_data.v1"}', `"purpose":"assay.result.v1","result":"${result}"}`);
}

/**
 * SHA-256 of the statement about a result, 32 bytes.
 * @example carriesStatement(claims.reportData, resultStatementDigest(keysetDigest, nonce, result))
 */
export function resultStatementDigest(keysetDigest: Digest, nonce: string | null, result: Digest): Uint8Array {
  return sha256(resultStatementText(keysetDigest, nonce, result));
}

/**
 * Whether a slot of the evidence holds `digest`: 32 bytes equal to it, or 64 bytes that go on with zeros. Any other length is `false`.
 * @example carriesStatement(claims.reportData, statementDigest(keysetDigest(keyset), nonce))
 */
export function carriesStatement(slot: Uint8Array, digest: Uint8Array): boolean {
  if (digest.length !== 32 || (slot.length !== 32 && slot.length !== 64)) return false;
  return slot.every((byte, i) => byte === (i < 32 ? digest[i] : 0));
}

/**
 * The 64-byte form for TDX, SGX and SNP report data, lower-case hex (128 characters).
 * @example paddedReportData(statementDigest(keysetDigest(keyset), nonce)).length // 128
 */
export function paddedReportData(digest: Uint8Array): string {
  return encodeHex(digest).padEnd(128, '0');
}

/**
 * The 32 bytes of a nonce.
 * @throws `hex/malformed` of the encoding package.
 * @example nonceBytes('0'.repeat(64)).length // 32
 */
export function nonceBytes(nonce: string): Uint8Array {
  return decodeHex(nonce, { bytes: 32 });
}
