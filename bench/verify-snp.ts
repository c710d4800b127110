/**
 * How fast SEV-SNP reports are verified, on one genuine report per product (needs ../shared/vectors).
 *
 *   node --conditions=@assay/source bench/verify-snp.ts
 *
 * Rows: `warm` remembers the chain, as a server does that sees one platform again; `cold` remembers nothing. Beside each stands `raw`:
 * the signature checks that row has to do, with the same WebCrypto (warm: one ECDSA P-384; cold: that and two RSA-4096 PSS, keys
 * imported anew). Figures are processor time, so that other work on the machine counts less; the rate is that of one core.
 */

import { readFileSync } from 'node:fs';
import { SignatureCache, verifySignature } from '../packages/attestation/src/certificates/signature.ts';
import { parseCertificate } from '../packages/attestation/src/certificates/x509.ts';
import type { SnpReportEvidence } from '../packages/attestation/src/evidence/snp/evidence-file.ts';
import type { Endorsements } from '../packages/attestation/src/model/endorsements.ts';
import { snpVerifier, verifySnp } from '../packages/attestation/src/verifier/snp/snp.ts';

const VECTORS = new URL('../../shared/vectors/snp/', import.meta.url);
const CASES = [
  {
    name: 'Milan v3',
    report: 'v3-milan-vcek-trustee-14fd2b6e',
    key: 'vcek-e1ef3f3e',
    ask: 'sev-milan-67d303bd',
    ark: 'ark-milan-69d063b4',
    at: '2025-01-29T16:33:43Z',
  },
  {
    name: 'Genoa v3',
    report: 'v3-genoa-vcek-teep-917e9791',
    key: 'vcek-8e9994ce',
    ask: 'sev-genoa-5464738c',
    ark: 'ark-genoa-4c6598d1',
    at: '2026-01-12T16:38:56Z',
  },
  {
    name: 'Turin v5',
    report: 'v5-turin-vcek-oak-3f44a09b',
    key: 'vcek-14889815',
    ask: 'sev-turin-5b77ef5f',
    ark: 'ark-turin-1f084161',
    at: '2025-07-18T17:04:46Z',
  },
] as const;

const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(path, VECTORS)));

/** Processor microseconds a call of each, all threads together: medians of rounds taken in turn, so that a busy machine slows all alike. */
async function times(calls: number, rounds: number, ...runs: readonly (() => unknown)[]): Promise<readonly number[]> {
  const figures = runs.map((): number[] => []);
  for (let round = 0; round < rounds + 2; round++) {
    for (const [index, run] of runs.entries()) {
      const start = process.cpuUsage();
      for (let call = 0; call < calls; call++) await run();
      const { user, system } = process.cpuUsage(start);
      if (round > 1) figures[index]?.push((user + system) / calls);
    }
  }
  return figures.map((each) => each.sort((a, b) => a - b)[each.length >> 1] ?? Number.NaN);
}

console.log('| report | parse µs | warm µs | raw µs | warm/raw | warm/s a core | cold µs | raw µs | cold/raw |');
console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
for (const { name, report: reportName, key, ask, ark, at } of CASES) {
  const file = read(`${reportName}.report`);
  const [vcek, issuer, root] = [key, ask, ark].map((each) => parseCertificate(read(`certs/${each}.der`)));
  if (!vcek || !issuer || !root) throw new Error('expected whole chains');
  const endorsements: Endorsements = [vcek, issuer, root].map(({ der }) => ({ kind: 'certificate', der }));
  const options = { now: Date.parse(at), endorsements };
  const evidence = () => snpVerifier.recognise(file)?.value as SnpReportEvidence;
  const { signature, signed: message } = evidence().report;
  const onReport = (cache: SignatureCache) =>
    verifySignature({
      spki: vcek.spki,
      algorithm: { name: 'ECDSA', hash: 'SHA-384' },
      signature,
      message,
      signatureForm: 'raw',
      cache,
    });
  const onCertificates = async (cache: SignatureCache): Promise<void> => {
    for (const [of, by] of [[vcek, issuer] as const, [issuer, root] as const]) {
      await verifySignature({
        spki: by.spki,
        algorithm: of.signatureAlgorithm,
        signature: of.signature,
        message: of.tbs,
        cache,
      });
    }
  };

  const memory = new SignatureCache();
  for (let call = 0; call < 500; call++) await verifySnp(evidence(), options, { cache: memory });
  const [parse = 0] = await times(2000, 5, evidence);
  const [warm = 0, warmRaw = 0, cold = 0, coldRaw = 0] = await times(
    25,
    41,
    () => verifySnp(evidence(), options, { cache: memory }),
    () => onReport(memory),
    () => verifySnp(evidence(), options, { cache: new SignatureCache() }),
    async () => {
      const cache = new SignatureCache();
      await onReport(cache);
      await onCertificates(cache);
    },
  );
  const cells = [parse, warm, warmRaw].map((figure) => figure.toFixed(0));
  const more = [
    (warm / warmRaw).toFixed(2),
    (1e6 / warm).toFixed(0),
    cold.toFixed(0),
    coldRaw.toFixed(0),
    (cold / coldRaw).toFixed(2),
  ];
  console.log(`| ${[name, ...cells, ...more].join(' | ')} |`);
}
