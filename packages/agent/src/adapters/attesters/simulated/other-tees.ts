/**
 * Simulators of other TEEs than Nitro: evidence with the exact structure of Intel SGX quotes, AMD SEV-SNP reports and vendor commitments, under
 * roots made on this machine. They prove nothing and say so: no root is pinned, and every claim under a named one is marked simulated.
 * What they measure is the hash of the code that runs.
 */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Endorsements } from '@assay/attestation';
import { encodeBase64 } from '@assay/encoding/base64';
import { decodeUtf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { encodePem } from '@assay/encoding/pem';
import type { Clock } from '@assay/ledger';
import { sealCommitment } from '@assay/models';
import { type FakeDcap, type FakeKey, type FakeSnp, fakeDcap, fakeKeyOf, fakeSnp, type LooseJson } from '@assay/simulator';
import type { AttestationRequest, Attester } from '../../../ports/attester.ts';
import { measureRunningCode } from './measurements.ts';
import { spkiOf, storedKeyPair } from './stored-key.ts';

export interface OtherSimulatorOptions {
  /** The data directory; keys and roots live there. */
  readonly directory: string;
  readonly clock: Clock;
}

const HOUR = 3_600_000;
/** As long as evidence of a real TEE is in force without fetching anything. */
const IN_FORCE = 24 * HOUR;
const RENEW_AFTER = 12 * HOUR;
/** Report data of SGX and SNP, bytes. */
const REPORT_DATA = 64;
const SGX_REPORT_DATA_AT = 320;
const SGX_MRENCLAVE_AT = 64;
const SGX_REPORT_LENGTH = 384;
const SNP_REPORT_DATA_AT = 0x50;
const SNP_MEASUREMENT_AT = 0x90;
const SIMULATED = { OU: 'SIMULATED', O: 'Assay simulator' };
const RSA = { name: 'RSA-PSS', hash: 'SHA-384', modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) };
const P256 = { name: 'ECDSA', namedCurve: 'P-256' };

/** Certificates and collateral, issued again after some hours: only the quote is made each time. */
class Issued<Evidence> {
  #kept: { readonly evidence: Evidence; readonly from: number } | null = null;

  current(now: number): Evidence | undefined {
    const isCurrent = this.#kept !== null && now >= this.#kept.from && now - this.#kept.from < RENEW_AFTER;
    return isCurrent ? this.#kept?.evidence : undefined;
  }

  keep(evidence: Evidence, now: number): Evidence {
    if (this.current(now) === undefined) this.#kept = { evidence, from: now };
    return evidence;
  }
}

/** SGX quotes of version 3 with Intel-shaped collateral. Root: `simulated-sgx-root.pem`. */
export async function createSimulatedSgx({ directory, clock }: OtherSimulatorOptions): Promise<Attester> {
  const key = await fakeKeyOf('P-256', await storedKeyPair(directory, 'simulated-sgx-root', P256));
  const measurement = await codeMeasurement();
  const make = async (request: Pick<AttestationRequest, 'statementDigest'>) => {
    const now = clock.now();
    const dates = { notBefore: now - HOUR, notAfter: now + IN_FORCE };
    const list = { thisUpdate: now - HOUR, nextUpdate: now + IN_FORCE };
    const signedJson = (document: LooseJson): void => {
      document.issueDate = instant(now - HOUR);
      document.nextUpdate = instant(now + IN_FORCE);
    };
    return fakeDcap({
      ...{ tee: 'sgx', issued: issued.current(now) },
      root: { key, attributes: SIMULATED, ...dates },
      ...{ ca: { attributes: SIMULATED, ...dates }, pck: dates, tcbSigning: dates, rootCrl: list, pckCrl: list },
      ...{ tcbInfo: signedJson, identity: signedJson },
      body: (report) => {
        report.set(measurement.subarray(0, 32), SGX_MRENCLAVE_AT);
        report.fill(0, SGX_REPORT_DATA_AT, SGX_REPORT_LENGTH);
        report.set(request.statementDigest, SGX_REPORT_DATA_AT);
      },
    });
  };
  const issued = new Issued<FakeDcap>();
  const first = issued.keep(await make({ statementDigest: new Uint8Array(32) }), clock.now());
  const rootCertificate = await keepRoot(directory, 'simulated-sgx-root', encodePem('CERTIFICATE', first.root.der));
  return {
    name: 'simulated SGX',
    simulated: true,
    rootCertificate,
    attest: async (request) => {
      const { quote, endorsements } = issued.keep(await make(request), clock.now());
      const evidence = { quote: encodeHex(quote), collateral: collateralOf(endorsements), simulated: true };
      return { teeType: 'sgx', evidenceType: 'sgx', evidence };
    },
  };
}

/** SEV-SNP reports of version 5 of a Genoa with its certificates. Root: `simulated-sev-root.pem`. */
export async function createSimulatedSev({ directory, clock }: OtherSimulatorOptions): Promise<Attester> {
  const rootKey: FakeKey = await fakeKeyOf('RSA-PSS', await storedKeyPair(directory, 'simulated-sev-root', RSA));
  const measurement = await codeMeasurement();
  const make = async (request: Pick<AttestationRequest, 'statementDigest'>) => {
    const now = clock.now();
    return fakeSnp({
      ...{ rootKey, issued: issued.current(now) },
      validity: { notBefore: now - HOUR, notAfter: now + IN_FORCE },
      edit: (report) => {
        report.set(measurement, SNP_MEASUREMENT_AT);
        report.fill(0, SNP_REPORT_DATA_AT, SNP_REPORT_DATA_AT + REPORT_DATA);
        report.set(request.statementDigest, SNP_REPORT_DATA_AT);
      },
    });
  };
  const issued = new Issued<FakeSnp>();
  const first = issued.keep(await make({ statementDigest: new Uint8Array(32) }), clock.now());
  const rootCertificate = await keepRoot(directory, 'simulated-sev-root', encodePem('CERTIFICATE', first.root.der));
  return {
    name: 'simulated SEV-SNP',
    simulated: true,
    rootCertificate,
    attest: async (request) => {
      const { report, chain } = issued.keep(await make(request), clock.now());
      const certificates = chain.map((der) => encodePem('CERTIFICATE', der)).join('');
      return {
        teeType: 'sev_snp',
        evidenceType: 'sev-snp',
        evidence: { report: encodeBase64(report), certificates, simulated: true },
      };
    },
  };
}

/** Commitments of a vendor that exists on this machine only. Key: `simulated-vendor-root.pem`, a public key. */
export async function createSimulatedVendor({ directory, clock }: OtherSimulatorOptions): Promise<Attester> {
  const pair = await storedKeyPair(directory, 'simulated-vendor-root', { name: 'Ed25519' });
  const spki = await spkiOf(pair);
  const measurement = encodeHex(await codeMeasurement());
  const rootCertificate = await keepRoot(directory, 'simulated-vendor-root', encodePem('PUBLIC KEY', spki));
  return {
    name: 'simulated vendor',
    simulated: true,
    rootCertificate,
    attest: async ({ statementDigest, nonce }) => {
      const now = clock.now();
      const evidence = await sealCommitment(
        {
          vendor: 'SIMULATED vendor of this machine',
          issuedAt: now - 1000,
          expiresAt: now + IN_FORCE,
          nonce: nonce === null ? null : encodeHex(nonce),
          reportData: encodeHex(statementDigest),
          measurements: { code: measurement },
        },
        { privateKey: pair.privateKey, spki },
      );
      return { teeType: 'vendor', evidenceType: 'vendor-commitment', evidence };
    },
  };
}

/** Intel's collateral with the member names of dcap-qvl. */
function collateralOf(endorsements: Endorsements): Readonly<Record<string, string>> {
  const chain = (ders: readonly Uint8Array[]): string => ders.map((der) => encodePem('CERTIFICATE', der)).join('');
  const members: Record<string, string> = {};
  const lists = ['root_ca_crl', 'pck_crl'];
  for (const item of endorsements) {
    if (item.kind === 'crl') members[lists.shift() ?? 'crl'] = encodeHex(item.der);
    if (item.kind !== 'tcb-info' && item.kind !== 'enclave-identity') continue;
    const name = item.kind === 'tcb-info' ? 'tcb_info' : 'qe_identity';
    members[name] = decodeUtf8(item.body);
    members[`${name}_signature`] = encodeHex(item.signature);
    members[`${name}_issuer_chain`] = chain(item.issuerChain);
  }
  return members;
}

/** 48 bytes. */
async function codeMeasurement(): Promise<Uint8Array> {
  return (await measureRunningCode()).get(0) ?? new Uint8Array(48);
}

/** Verifiers look at the key in it, so a certificate of this start serves those that were told of an earlier one. */
async function keepRoot(directory: string, name: string, pem: string): Promise<string> {
  await writeFile(join(directory, `${name}.pem`), pem, { mode: 0o644 });
  return pem;
}

/** RFC 3339 without fractions, as Intel writes it. */
function instant(time: number): string {
  return new Date(time).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
