/** Assay on the same questions. */

import { AttestationError, collectEndorsements, type Endorsement, trustAnchor, verifyEvidence } from '@assay/attestation';
import type { Question } from '@assay/testing';
import type { Verdict } from './question.ts';

/** The endorsements a question carries, parsed. */
export function endorsementsOf(question: Question): readonly Endorsement[] {
  switch (question.kind) {
    case 'sgx':
    case 'tdx': {
      const bytes = new TextEncoder().encode(JSON.stringify(question.collateral));
      return collectEndorsements([{ name: 'collateral.json', bytes }]);
    }
    case 'sev-snp': {
      const { key, intermediate, root, crl } = question;
      const certificates = [key, intermediate, root].flatMap((der) =>
        der === undefined ? [] : [{ kind: 'certificate', der } as const],
      );
      return crl === undefined ? certificates : [...certificates, { kind: 'crl', der: crl }];
    }
    case 'nitro':
      return [];
  }
}

export interface OurVerdict {
  readonly verdict: Verdict;
  /** The error's code, when refused. */
  readonly code: string | null;
  readonly debug: boolean;
  /** Ids of checks that failed although the evidence is authentic. */
  readonly failed: readonly string[];
}

/** Authenticity only: what policy decides stays open, as with the peers. */
export async function ourVerdict(question: Question): Promise<OurVerdict> {
  const { evidence, at: now, root } = question;
  try {
    const roots = root === undefined ? [] : [trustAnchor('root of the question', root, { simulated: true })];
    const claims = await verifyEvidence(evidence, { now, endorsements: endorsementsOf(question), trust: { roots } });
    const failed = claims.checks.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);
    return { verdict: claims.tcb?.status ?? 'accepted', code: null, debug: claims.debug === true, failed };
  } catch (error) {
    if (!AttestationError.is(error)) throw error;
    return { verdict: `ERR ${error.code}`, code: error.code, debug: false, failed: [] };
  }
}
