/**
 * How fast SGX and TDX quotes are verified, on one genuine quote each (needs ../shared/vectors).
 *
 *   node --conditions=@assay/source bench/verify-dcap.ts
 *
 * Rows: `warm` reuses parsed collateral and what was remembered of the platform; `cold` remembers nothing (with the collateral file
 * parsed anew, or split into its pieces before); `raw` is the sum of the signature checks a cold verification must do, one after
 * another, with the same WebCrypto and freshly imported keys; `peer` is npm @phala/dcap-qvl. Figures are processor time of the least
 * disturbed round, because the machine is shared; the rate is that of one core.
 */

import { readFileSync } from 'node:fs';
import { collectEndorsements, type TeeVerifier } from '@assay/attestation';
import { decodePem } from '@assay/encoding/pem';
import peer from '@phala/dcap-qvl';
import { parseCrl } from '../packages/attestation/src/certificates/crl.ts';
import { AWS_NITRO_ROOT_G1 } from '../packages/attestation/src/certificates/roots/aws.ts';
import { SignatureCache, verifySignature } from '../packages/attestation/src/certificates/signature.ts';
import { parseCertificate } from '../packages/attestation/src/certificates/x509.ts';
import { parseQuote } from '../packages/attestation/src/evidence/dcap/quote.ts';
import { sgxVerifier } from '../packages/attestation/src/verifier/dcap/sgx.ts';
import { tdxVerifier } from '../packages/attestation/src/verifier/dcap/tdx.ts';

const VECTORS = new URL('../../shared/vectors/', import.meta.url);
const CASES: readonly {
  readonly name: string;
  readonly verifier: TeeVerifier<never>;
  readonly quote: string;
  readonly collateral: string;
  readonly at: string;
}[] = [
  {
    name: 'TDX v4',
    verifier: tdxVerifier as TeeVerifier<never>,
    quote: 'tdx/v4-90c06f000000-openpcc-e560b5c9.quote',
    collateral: 'tdx/collateral/tdx-90c06f000000-eval18-2026-03-16-plat.collateral.json',
    at: '2026-03-17T22:34:05Z',
  },
  {
    name: 'SGX v3',
    verifier: sgxVerifier as TeeVerifier<never>,
    quote: 'sgx/v3-00606a000000-pallets-2008020f.quote',
    collateral: 'sgx/collateral/sgx-00606a000000-eval21-2026-06-05-plat-2.collateral.json',
    at: '2026-06-06T18:27:03Z',
  },
];
const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(path, VECTORS)));
const SHA256 = { name: 'ECDSA', hash: 'SHA-256' } as const;

/** Processor microseconds a call, all threads together, in the round least disturbed by other work. Its inverse is one core's rate. */
async function time(calls: number, rounds: number, run: () => unknown): Promise<number> {
  const figures: number[] = [];
  for (let round = 0; round < rounds + 1; round++) {
    const start = process.cpuUsage();
    for (let call = 0; call < calls; call++) await run();
    const { user, system } = process.cpuUsage(start);
    if (round > 0) figures.push((user + system) / calls);
  }
  return Math.min(...figures);
}

/** {@link time} of several, their rounds taking turns, so that they can be compared. */
async function timeTogether(calls: number, rounds: number, runs: readonly (() => unknown)[]): Promise<readonly number[]> {
  const figures = runs.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, run] of runs.entries()) figures[index]?.push(await time(calls, 1, run));
  }
  return figures.map((each) => Math.min(...each));
}

/** Every signature a cold verification has to check, as (key, signature, message). */
function rawChecks(quoteFile: Uint8Array, collateral: Readonly<Record<string, string>>) {
  const quote = parseQuote(quoteFile);
  const text = (name: string): string => collateral[name] ?? '';
  const chain = (pem: string) => decodePem(pem).map(({ der }) => parseCertificate(der));
  const [leaf, ca, root] = chain(new TextDecoder().decode(quote.certification.data));
  const [signer] = chain(text('tcb_info_issuer_chain'));
  if (!leaf || !ca || !root || !signer) throw new Error('expected whole chains');
  const hex = (name: string): Uint8Array => new Uint8Array(Buffer.from(text(name), 'hex'));
  const [rootCrl, pckCrl] = [parseCrl(hex('root_ca_crl')), parseCrl(hex('pck_crl'))];
  const attestationKey = Buffer.concat([leaf.spki.subarray(0, leaf.spki.length - 64), quote.attestationKey]);
  const signed = (of: { tbs: Uint8Array; signature: Uint8Array }, spki: Uint8Array) =>
    ({ spki, signature: of.signature, message: of.tbs, signatureForm: 'der' }) as const;
  const raw = (spki: Uint8Array, signature: Uint8Array, message: Uint8Array) =>
    ({ spki, signature, message, signatureForm: 'raw' }) as const;
  const bytes = (name: string): Uint8Array => new TextEncoder().encode(text(name));
  return [
    raw(new Uint8Array(attestationKey), quote.signature, quote.signed),
    raw(leaf.spki, quote.qeReportSignature, quote.qeReport.raw),
    signed(leaf, ca.spki),
    signed(ca, root.spki),
    signed(root, root.spki),
    signed(signer, root.spki),
    raw(signer.spki, hex('tcb_info_signature'), bytes('tcb_info')),
    raw(signer.spki, hex('qe_identity_signature'), bytes('qe_identity')),
    signed(rootCrl, root.spki),
    signed(pckCrl, ca.spki),
  ];
}

for (const { name, verifier, quote: quotePath, collateral: collateralPath, at } of CASES) {
  const quote = read(quotePath);
  const file = read(collateralPath);
  const collateral = JSON.parse(new TextDecoder().decode(file)) as Readonly<Record<string, string>>;
  const now = Date.parse(at);
  const endorsements = collectEndorsements([{ name: null, bytes: file }]);
  const recognise = () => verifier.recognise(quote) as never;
  const verify = (options: Parameters<typeof verifier.verify>[1]) => verifier.verify(recognise(), options);

  const parse = await time(5000, 5, recognise);
  const warm = await time(500, 9, () => verify({ now, endorsements }));
  const together = await time(40, 9, () => Promise.all(Array.from({ length: 16 }, () => verify({ now, endorsements }))));
  // A new array of anchors has a memory of its own, a new array of endorsements is parsed anew.
  const coldFile = () =>
    verify({ now, endorsements: collectEndorsements([{ name: null, bytes: file }]), additionalAnchors: [AWS_NITRO_ROOT_G1] });
  const coldPieces = () => verify({ now, endorsements: [...endorsements], additionalAnchors: [AWS_NITRO_ROOT_G1] });
  const checks = rawChecks(quote, collateral);
  const rawSum = async () => {
    const cache = new SignatureCache();
    for (const check of checks) await verifySignature({ ...check, algorithm: SHA256, cache });
  };
  const [cold = 0, coldParsed = 0, raw = 0] = await timeTogether(30, 40, [coldFile, coldPieces, rawSum]);
  const rawOne = await time(500, 9, () => verifySignature({ ...(checks[0] as (typeof checks)[number]), algorithm: SHA256 }));
  const seconds = Math.floor(now / 1000);
  const theirs = await time(10, 5, () => peer.verify(Buffer.from(quote), collateral as never, seconds));

  const line = (label: string, microseconds: number, note = ''): void =>
    console.log(
      `${name}  ${label.padEnd(34)} ${microseconds.toFixed(1).padStart(9)} µs ${(1e6 / microseconds).toFixed(0).padStart(9)}/s/core  ${note}`,
    );
  line('parse', parse);
  line('warm, one at a time', warm);
  line('warm, sixteen at a time', together / 16);
  line('one raw signature check', rawOne);
  line('cold, collateral file included', cold, `${(cold / raw).toFixed(2)} × raw`);
  line('cold, collateral JSON split before', coldParsed, `${(coldParsed / raw).toFixed(2)} × raw`);
  line(`raw, ${checks.length} signature checks`, raw);
  line(
    'peer @phala/dcap-qvl 0.3.9',
    theirs,
    `${(theirs / cold).toFixed(1)} × our cold, ${(theirs / warm).toFixed(1)} × our warm`,
  );
}
