/** One call for any file: finds out once what it is, parses it once, verifies it once. The command line and the console both ask here. */

import { type AttestationError, type Endorsements, verify as verifyOfAttestation } from '@assay/attestation';
import { loadedPart } from '@assay/encoding/loaded-part';
import { bundleVerdict, openBundle, openedVerdict } from './bundle.ts';
import { ofNoKind } from './kinds.ts';
import { type ResolvedOptions, resolveOptions, type VerifyOptions } from './options.ts';
import { receiptVerdict } from './receipt.ts';
import { reportVerdict } from './report.ts';
import { resultVerdict } from './result-file.ts';
import { type Subject, subjectOf } from './subject.ts';
import { evidenceVerdict, failedVerdict, type Verdict } from './verdict.ts';

/**
 * @param bytes a bundle, a proof, a receipt, a live report, a result file, or evidence of any TEE in any of its file conventions.
 * @returns the verdict; errors of the subject are values in it.
 * @throws {AttestationError | ClientError} of kind `misuse`, and of roots in `trust` that are none.
 * @example
 * const r = await verify(quote, { policy: 'strict', collateral: 'fetch' });
 * if (r.outcome !== 'accepted') throw r.error;
 * if (r.claims.type === 'tdx') console.log(r.claims.measurements.mrtd);
 */
export async function verify(bytes: Uint8Array, options: VerifyOptions = {}): Promise<Verdict> {
  const subject = subjectOf(bytes);
  const resolved = resolveOptions(options);
  const verdict = await verifySubject(subject, resolved);
  if (options.collateral !== 'fetch' || verdict.outcome !== 'unavailable') return verdict;
  const { endorsements, problem } = await fetched(bytes);
  const complete = await verifySubject(subject, { ...resolved, endorsements });
  if (complete.outcome !== 'unavailable' || problem === null) return complete;
  return failedVerdict(complete.type, problem, resolved.now) as Verdict;
}

/**
 * The verdict on a file that was recognised already; `unavailable` also where a part of the verifier could not be loaded.
 * @throws {AttestationError} of kind `misuse` only.
 */
export async function verifySubject(subject: Subject, options: ResolvedOptions): Promise<Verdict> {
  try {
    return await verdictOn(subject, options);
  } catch (error) {
    return failedVerdict(subject.kind, error, options.now) as Verdict;
  }
}

async function verdictOn(subject: Subject, options: ResolvedOptions): Promise<Verdict> {
  switch (subject.kind) {
    case 'bundle':
      return bundleVerdict(subject.bytes, options);
    case 'comparison': {
      const { comparisonVerdict } = await loadedPart('comparisons', () => import('./comparison.ts'));
      return comparisonVerdict(subject.json, options, { openBundle, openedVerdict });
    }
    case 'proof': {
      const { proofVerdict } = await loadedPart('proofs of answers', () => import('./answer-proof.ts'));
      return proofVerdict(subject.json, options);
    }
    case 'receipt':
      return receiptVerdict(subject.json, options);
    case 'report':
      return reportVerdict(subject.json, options);
    case 'transcripts': {
      const { transcriptsVerdict } = await loadedPart('transcripts', () => import('./transcripts.ts'));
      return transcriptsVerdict(subject.json, options, { openBundle, openedVerdict });
    }
    case 'result':
      return resultVerdict(subject.json, options);
    case 'evidence': {
      const { now, policy, expected, endorsements, trust } = options;
      const asked = { now, policy, expected, endorsements, trust: { roots: trust.anchors } };
      const result = await verifyOfAttestation(subject.evidence, asked);
      if (result.error?.code !== 'evidence/unrecognised') return evidenceVerdict(result, now);
      return failedVerdict(result.type, ofNoKind(result.error), now) as Verdict;
    }
  }
}

/** What the file cannot be verified without, from the vendors' own services. */
async function fetched(
  bytes: Uint8Array,
): Promise<{ readonly endorsements: Endorsements; readonly problem: AttestationError | null }> {
  const { fetchEndorsements } = await loadedPart("vendors' services", () => import('@assay/attestation/endorsements'));
  const source = { fetch: (...request: Parameters<typeof fetch>) => fetch(...request), now: Date.now() };
  const { endorsements, problems } = await fetchEndorsements(bytes, source);
  return { endorsements, problem: problems[0] ?? null };
}
