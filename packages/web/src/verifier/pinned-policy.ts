/** A policy that accepts the software of authentic evidence and no other, as `assay policy init` writes it. */

import { utf8 } from '@assay/encoding/bytes';
import type { NamedFile } from 'assay';
import type { Verification } from './verification.ts';

export interface PinnedPolicy {
  readonly file: NamedFile;
  /** What it demands and leaves open. */
  readonly sentences: readonly string[];
}

/** `null` where nothing is authentic. */
export async function pinnedPolicy({ verdict }: Verification): Promise<PinnedPolicy | null> {
  if (verdict.claims === undefined) return null;
  const [{ draftPolicy }, { explainPolicy }] = await Promise.all([
    import('@assay/attestation/appraisal/policy-from-claims'),
    import('@assay/attestation/appraisal/explain'),
  ]);
  const { policy } = draftPolicy(verdict.claims, { now: verdict.claims.issuedAt ?? Date.now() });
  const file = { name: `policy-${verdict.claims.type}.json`, bytes: utf8(`${JSON.stringify(policy, null, 2)}\n`) };
  return { file, sentences: explainPolicy(policy) };
}
