/** Genuine attestation tokens: signatures and times where keys were captured, `unavailable` where they were not, and forged ones. */

import { AttestationError, verify, verifyEvidence } from '@assay/attestation';
import { describe, expect, test } from 'vitest';
import { casesOf, endorsementsOf, haveVectors, vectorBytes } from './vectors.ts';

const cases = ['jwt-nras', 'jwt-ita', 'jwt-gcp-cs', 'jwt-poc'].flatMap(casesOf);
const CODES: Readonly<Record<string, string>> = {
  'jwt-nras-sig-flip': 'token/signature-invalid',
  'jwt-nras-alg-none': 'token/algorithm-refused',
  'gcp-cs-gcp_amd_sev-7b72ff60': 'certificate/root-not-trusted',
  'gcp-cs-gcp_amd_sev-e7d96eca': 'token/signature-invalid',
};

describe.runIf(haveVectors)('genuine tokens', () => {
  test('are all there', () => expect(cases).toHaveLength(26));

  test.each(cases.map((each) => [each.id, each] as const))('%s', async (id, { evidence, companions, at, expect: wanted }) => {
    const verified = await verifyEvidence(vectorBytes(evidence), {
      now: Date.parse(at),
      endorsements: endorsementsOf(companions),
    }).catch((error: unknown) => error);
    if (wanted.verdict === 'invalid') {
      expect(verified).toMatchObject({ kind: 'untrusted', code: CODES[id] });
    } else if (/^claims-only/.test(wanted.verdict)) {
      expect(verified).toMatchObject({ kind: 'unavailable', code: 'token/key-missing' });
    } else {
      if (AttestationError.is(verified)) throw verified;
      expect(verified).toMatchObject({ type: 'token' });
      const { bindings, checks } = verified as Awaited<ReturnType<typeof verifyEvidence>>;
      if (/^[0-9a-f]{64}$/.test(wanted.eat_nonce ?? '')) expect(bindings.nonce).toBe(wanted.eat_nonce);
      const failed = checks.filter(({ outcome }) => outcome === 'fail').map((check) => check.id);
      expect(failed).toEqual(wanted.overall === false ? ['token.overall-result'] : []);
    }
  });

  test('a bundle with its parts, and a debuggable guest', async () => {
    const endorsements = endorsementsOf({ jwks: 'combined/near-cloud-20260610/nras-jwks.json' });
    const bytes = vectorBytes('combined/near-cloud-20260610/nras-response.json');
    const { outcome, claims } = await verify(bytes, { now: Date.UTC(2026, 5, 10, 1, 50), endorsements });
    expect(outcome).toBe('accepted');
    expect(Object.keys(claims?.submodules ?? {})).toHaveLength(8);
    const debuggable = cases.find(({ id }) => id === 'gcp-cs-gcp_amd_sev-79efad03');
    const refused = await verify(vectorBytes(debuggable?.evidence ?? ''), { now: Date.parse(debuggable?.at ?? '') });
    expect(refused.outcome).toBe('refused');
  });

  test('an unsigned bundle of a local verifier is refused', async () => {
    const { error } = await verify(vectorBytes('dstack/dstack-nvattest-h100-claims.json'), { now: Date.UTC(2026, 5, 10) });
    expect(error?.kind).toBe('untrusted');
  });
});
