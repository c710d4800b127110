/**
 * The attestation report (ACI §4.1): evidence, and the keyset it binds. Format: spec/keyset.md §4. Here the arithmetic is checked;
 * that the evidence is authentic is the attestation package's work, handed in by the caller.
 */

import { utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { sha256Hex } from '@assay/encoding/sha256';
import { type Digest, isDigest } from './digest.ts';
import { ReceiptError } from './errors.ts';
import { type Keyset, keysetDigest, parseKeyset } from './keyset.ts';
import { foreignVersion, Shape } from './shape.ts';
import { statementDigest } from './statement.ts';

export interface Report {
  readonly teeType: string;
  readonly keyset: Keyset;
  readonly keysetDigest: Digest;
  /** SHA-256 of the statement, 32 bytes: what the evidence must carry. */
  readonly statementDigest: Uint8Array;
  readonly nonce: string | null;
  /** The `evidence` object, in the TEE's own form. */
  readonly evidence: JsonObject;
  /** The report as served. */
  readonly document: JsonObject;
}

/** A file archived beside the evidence. */
export interface CollateralFile {
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/**
 * Reads a report and recomputes every derived member for `nonce`, the nonce it is said to be made for (`null`: unchallenged).
 * @throws {ReceiptError} `report/malformed`, `report/mismatch`, `keyset/malformed`, `statement/malformed`.
 * @example const report = parseReport(parseJson(body), nonce)
 */
export function parseReport(value: unknown, nonce: string | null): Report {
  const members = { required: ['api_version', 'workload_keyset_digest', 'attestation'], open: true };
  const shape = new Shape(value, 'report', 'report/malformed', members);
  const version = shape.string('api_version');
  if (version !== 'aci/1')
    throw new ReceiptError('report/malformed', `report refused: ${foreignVersion('api_version aci/1', version)}`);
  const attestation = new Shape(shape.object('attestation'), 'report.attestation', 'report/malformed', {
    required: ['tee_type', 'workload_keyset', 'report_data', 'evidence'],
    open: true,
  });
  const keyset = parseKeyset(attestation.object('workload_keyset'));
  const digest = keysetDigest(keyset);
  const stated = shape.string('workload_keyset_digest');
  if (!isDigest(stated) || stated !== digest)
    throw new ReceiptError(
      'report/mismatch',
      `expected workload_keyset_digest ${digest} for the keyset in the report, got ${stated}`,
    );
  const statement = statementDigest(digest, nonce);
  const reportData = attestation.string('report_data');
  if (reportData !== encodeHex(statement))
    throw new ReceiptError(
      'report/mismatch',
      `expected report_data ${encodeHex(statement)} for this keyset and ${nonce === null ? 'no nonce' : 'nonce'}, got ${reportData}` +
        (nonce === null ? '; if the report was asked for with a nonce, give that nonce' : ''),
    );
  return {
    teeType: attestation.string('tee_type'),
    keyset,
    keysetDigest: digest,
    statementDigest: statement,
    nonce,
    evidence: attestation.object('evidence'),
    document: value as JsonObject,
  };
}

/**
 * The body that a leaf of kind `report` commits to (spec/log.md §3).
 * @example commitment(salt, reportBody(document, nonce, collateral))
 */
export function reportBody(document: JsonObject, nonce: string | null, collateral: readonly CollateralFile[]): Uint8Array {
  const files = collateral.map((file) => ({
    media_type: file.mediaType,
    name: file.name,
    sha256: sha256Hex(file.bytes),
  }));
  return utf8(canonicalJson({ collateral: files, nonce, report: document }));
}
