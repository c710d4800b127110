/** Verifiers of SEV-SNP reports beside ours. */

import { inProcess } from './in-process.ts';
import { importPackage } from './packages.ts';
import { startProgram } from './program.ts';
import type { Peer } from './question.ts';

/** `github.com/google/go-sev-guest`. */
export function goSevGuest(): Peer | null {
  return startProgram({
    name: 'Go go-sev-guest 0.15.0',
    language: 'Go',
    folder: 'go-sev-guest',
    kinds: ['sev-snp'],
    scope:
      'verify and validate, any guest policy; ARK and ASK parsed beforehand, all three signatures checked; no CRL unless given',
    takesRoot: true,
  });
}

interface TinfoilCertificate {
  readonly raw: Uint8Array;
}
interface TinfoilChain {
  validateVcekTcb(tcb: unknown): void;
  validateVcekHwid(chipId: Uint8Array): void;
}
interface TinfoilReport {
  readonly reportedTcb: bigint;
  readonly chipId: Uint8Array;
}
interface TinfoilChains {
  readonly CertificateChain: {
    new (ark: TinfoilCertificate, ask: TinfoilCertificate, vcek: TinfoilCertificate): TinfoilChain;
    fromReport(report: TinfoilReport, vcek: Uint8Array): Promise<TinfoilChain>;
  };
}

/**
 * npm `@tinfoilsh/verifier`, its SEV modules one by one: the package's entry takes Tinfoil's own documents and compares with Tinfoil's
 * minimum levels. Its clock is the machine's, so the instant is given by a mocked `Date`; a root by its own chain class.
 */
export async function tinfoil(): Promise<Peer | null> {
  const folder = '@tinfoilsh/verifier/dist/sev/';
  const reports = await importPackage<{ readonly Report: new (bytes: Uint8Array) => TinfoilReport }>(`${folder}report.js`);
  const chains = await importPackage<TinfoilChains>(`${folder}cert-chain.js`);
  const verifying = await importPackage<{ verifyAttestation(chain: TinfoilChain, report: TinfoilReport): Promise<boolean> }>(
    `${folder}verify.js`,
  );
  const numbers = await importPackage<{ tcbFromInt(tcb: bigint): unknown }>(`${folder}utils.js`);
  const x509 = await importPackage<{ readonly X509Certificate: { parse(der: Uint8Array): TinfoilCertificate } }>(
    '@freedomofpress/sigstore-browser/dist/index.js',
  );
  if (reports === null || chains === null || verifying === null || numbers === null || x509 === null) return null;
  const parse = (der: Uint8Array | undefined) => x509.X509Certificate.parse(der ?? new Uint8Array());
  return inProcess(
    {
      name: 'npm @tinfoilsh/verifier 1.1.0',
      language: 'JavaScript',
      kinds: ['sev-snp'],
      scope:
        'Genoa and VCEK only; chain parsed and checked again each time; no CRL; levels and chip id against the certificate',
      takesRoot: true,
      mockDate: true,
    },
    async (question) => {
      if (question.kind !== 'sev-snp') throw new Error(`expected a report, got ${question.kind}`);
      const { evidence, root, intermediate, key, crl } = question;
      if (crl !== undefined) throw new Error('this peer cannot be given a CRL');
      const report = new reports.Report(evidence);
      // `fromReport` judges product and signing key, then takes the pinned chain.
      const pinned = await chains.CertificateChain.fromReport(report, key ?? new Uint8Array());
      const chain = root === undefined ? pinned : new chains.CertificateChain(parse(root), parse(intermediate), parse(key));
      await verifying.verifyAttestation(chain, report);
      chain.validateVcekTcb(numbers.tcbFromInt(report.reportedTcb));
      chain.validateVcekHwid(report.chipId);
      return 'accepted';
    },
  );
}
