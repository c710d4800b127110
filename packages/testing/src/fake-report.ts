/**
 * An `aci/1` attestation report over "evidence" that is only the statement digest in hex: enough to drive the ledger and bundles
 * without a TEE, and worth nothing as proof.
 */

import { decodeHex, encodeHex } from '@assay/encoding/hex';
import type { JsonObject } from '@assay/encoding/json';
import {
  type EvidenceRequest,
  type Keyset,
  type KeysetKey,
  keysetDigest,
  statementDigest,
  type VerifiedEvidence,
} from '@assay/receipt';

/** The report of a keyset with these receipt signing keys. `notAfter` in epoch seconds. */
export function fakeReport(
  keys: readonly KeysetKey[],
  options: {
    readonly nonce?: string | null;
    readonly notAfter?: number;
    readonly subject?: string | null;
    readonly channelKeys?: Keyset['e2ee_public_keys'];
  } = {},
): { readonly report: JsonObject; readonly keyset: Keyset; readonly nonce: string | null } {
  const { nonce = null, notAfter = 4_000_000_000, subject = null, channelKeys = [] } = options;
  const keyset: Keyset = {
    subject,
    not_after: notAfter,
    receipt_signing_keys: keys,
    e2ee_public_keys: channelKeys,
    tls_public_keys: [],
  };
  const digest = keysetDigest(keyset);
  const statement = encodeHex(statementDigest(digest, nonce));
  const report = {
    api_version: 'aci/1',
    workload_keyset_digest: digest,
    attestation: {
      tee_type: 'fake',
      workload_keyset: keyset,
      report_data: statement,
      source_provenance: { repo_url: null, repo_commit: null, image_digest: null, image_provenance: null },
      evidence: { quote: statement },
    },
    service_capabilities: { supported_e2ee_versions: [], serving: 'direct' },
  };
  return { report: report as unknown as JsonObject, keyset, nonce };
}

/** Believes the quote of {@link fakeReport}. */
export async function believeFakeEvidence({
  evidence,
  teeType,
}: EvidenceRequest): Promise<VerifiedEvidence<{ readonly tee: string }>> {
  return { reportData: decodeHex(evidence.quote as string), claims: { tee: teeType } };
}
