/** SEV-SNP reports: warm remembers the chain, as a server does that sees one platform again; cold checks two RSA-4096 PSS besides. */

import { VerificationCache } from '../../packages/attestation/src/certificates/verification-cache.ts';
import { parseCertificate } from '../../packages/attestation/src/certificates/x509.ts';
import type { SnpReportEvidence } from '../../packages/attestation/src/evidence/snp/evidence-file.ts';
import type { Endorsements } from '../../packages/attestation/src/model/endorsements.ts';
import { snpVerifier, verifySnp } from '../../packages/attestation/src/verifier/snp/snp.ts';
import { type BenchCase, readGenuine } from './bench-case.ts';

const GENUINE = [
  {
    product: 'Milan',
    report: 'v3-milan-vcek-trustee-14fd2b6e',
    key: 'vcek-e1ef3f3e',
    ask: 'sev-milan-67d303bd',
    ark: 'ark-milan-69d063b4',
    at: '2025-01-29T16:33:43Z',
  },
  {
    product: 'Genoa',
    report: 'v3-genoa-vcek-teep-917e9791',
    key: 'vcek-8e9994ce',
    ask: 'sev-genoa-5464738c',
    ark: 'ark-genoa-4c6598d1',
    at: '2026-01-12T16:38:56Z',
  },
  {
    product: 'Turin',
    report: 'v5-turin-vcek-oak-3f44a09b',
    key: 'vcek-14889815',
    ask: 'sev-turin-5b77ef5f',
    ark: 'ark-turin-1f084161',
    at: '2025-07-18T17:04:46Z',
  },
] as const;

export function snpCases(): readonly BenchCase[] {
  return GENUINE.map(({ product, report, key, ask, ark, at }) => {
    const evidence = readGenuine(`snp/${report}.report`);
    const [vcek, issuer, root] = [key, ask, ark].map((name) => parseCertificate(readGenuine(`snp/certs/${name}.der`)));
    if (!vcek || !issuer || !root) throw new Error('expected whole chains');
    const endorsements: Endorsements = [vcek, issuer, root].map(({ der }) => ({ kind: 'certificate', der }));
    const options = { now: Date.parse(at), endorsements };
    const parse = () => snpVerifier.recognise(evidence)?.value as SnpReportEvidence;
    const { signature, signed: message } = parse().report;
    const cache = new VerificationCache();
    const issued = [[vcek, issuer] as const, [issuer, root] as const];
    return {
      name: `SNP ${product} ${report.slice(0, 2)}`,
      question: { kind: 'sev-snp', evidence, at: options.now, key: vcek.der, intermediate: issuer.der, product },
      parse,
      warm: () => verifySnp(parse(), { ...options, cache }),
      cold: () => verifySnp(parse(), { ...options, cache: new VerificationCache() }),
      checks: [
        { spki: vcek.spki, algorithm: { name: 'ECDSA', hash: 'SHA-384' }, signature, message, signatureForm: 'raw' },
        ...issued.map(([of, by]) => ({
          spki: by.spki,
          algorithm: of.signatureAlgorithm,
          signature: of.signature,
          message: of.tbs,
        })),
      ],
    };
  });
}
