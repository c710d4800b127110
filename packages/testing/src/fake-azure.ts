/** An Azure confidential VM: an SNP report over runtime data that names the vTPM's key, and a quote by that key. */

import { createHash } from 'node:crypto';
import type { TrustAnchor } from '@assay/attestation';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { type FakeSnp, fakeKey, fakeSnp } from '@assay/simulator';
import { fakeTpmQuote } from './fake-tpm.ts';

export interface FakeAzureVm {
  /** HCL report alone, without the vTPM's quote. */
  readonly hclReport: Uint8Array;
  /** JSON with HCL report, quote and PCRs. */
  readonly file: Uint8Array;
  /** VCEK, ASK and ARK, DER. */
  readonly chain: readonly Uint8Array[];
  readonly anchor: TrustAnchor;
}

const HCL_ROOM = 1184; // bytes for the hardware report
const SNP_REPORT = 2;

/** @param pcr fill of every PCR, so that two machines differ. */
export async function fakeAzureVm(pcr = 1): Promise<FakeAzureVm> {
  const ak = await fakeKey('RSA', 'azure vm ak');
  const { n, e } = await publicJwk(ak.spki);
  const runtimeData = utf8(JSON.stringify({ keys: [{ kid: 'HCLAkPub', kty: 'RSA', n, e }] }));
  const { fake, file: hclReport } = await fakeHclReport(runtimeData);
  const pcrs = new Map([0, 4, 7].map((index) => [index, new Uint8Array(32).fill(pcr + index)] as const));
  const { document } = await fakeTpmQuote({ signer: ak, bare: true, pcrs });
  const bank = Array.from({ length: 24 }, (_, index) => encodeHex(pcrs.get(index) ?? new Uint8Array(32)));
  const quote = {
    message: encodeHex(Buffer.from(document.message, 'base64')),
    signature: document.signature.slice(12),
    pcrs: bank,
  };
  const [vcek = new Uint8Array()] = fake.chain;
  const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  const file = { version: 2, tpm_quote: quote, hcl_report: base64url(hclReport), vcek: base64url(vcek) };
  return { hclReport, file: utf8(JSON.stringify(file)), chain: fake.chain, anchor: fake.anchor };
}

/**
 * What Azure's paravisor keeps in the vTPM: a report of the hardware over the SHA-256 of its runtime data, and these data.
 * @param carried other data than those that were hashed.
 * @example const { fake, file } = await fakeHclReport(utf8('{"keys":[]}'))
 */
export async function fakeHclReport(
  data: Uint8Array,
  carried: Uint8Array = data,
): Promise<{ readonly fake: FakeSnp; readonly file: Uint8Array }> {
  const digest = new Uint8Array(createHash('sha256').update(data).digest());
  const fake = await fakeSnp({ edit: (report) => report.set(concatBytes(digest, new Uint8Array(32)), 0x50) });
  return { fake, file: hcl(fake.report, carried) };
}

async function publicJwk(spki: Uint8Array): Promise<JsonWebKey> {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  return crypto.subtle.exportKey(
    'jwk',
    await crypto.subtle.importKey('spki', Uint8Array.from(spki), algorithm, true, ['verify']),
  );
}

function hcl(report: Uint8Array, data: Uint8Array): Uint8Array {
  const words = (...values: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
  const header = words(0x414c4348, 2, 0, 2, 0, 0, 0, 0);
  const room = concatBytes(report, new Uint8Array(HCL_ROOM - report.length));
  return concatBytes(header, room, words(data.length + 20, 1, SNP_REPORT, 1, data.length), data);
}
