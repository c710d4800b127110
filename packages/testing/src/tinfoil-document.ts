/**
 * Attestation documents as Tinfoil's enclaves give them (tinfoilsh/cvmimage), made for fake Intel and AMD roots: sound, or with one lie. Version 3
 * binds SHA256(TLS key fingerprint ‖ HPKE key ‖ nonce); the boot document binds the two keys alone.
 */

import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Endorsement, TrustAnchor } from '@assay/attestation';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { fakeDcap, fakeSnp } from '@assay/simulator';
import { fakeDcapAt } from './redpill-report.ts';

export type TinfoilPlatform = 'tdx' | 'sev-snp';

/** What a dishonest or broken enclave, or somebody in front of it, does. */
export type TinfoilLie =
  /** From now on connections end at somebody who has a good certificate and another key. */
  | 'wrong-tls-key'
  /** The document names a TLS key that the CPU did not quote. */
  | 'other-tls-key'
  /** … an HPKE key that the CPU did not quote. */
  | 'other-hpke-key'
  /** The enclave opens with another key than the one it attested. */
  | 'rotated-hpke-key'
  /** The document of another nonce. */
  | 'stale'
  /** … with the nonce asked for written over it. */
  | 'stale-edited'
  /** The boot document, which answers no nonce. */
  | 'boot-document'
  | 'dummy-document'
  | 'tampered-report'
  | 'debug'
  | 'no-document'
  /** A success in clear, as somebody in front of the enclave would write it. */
  | 'answer-in-clear'
  | 'bad-response-nonce'
  | 'tampered-answer'
  /** The answer's last frame is missing. */
  | 'truncated-answer'
  /** Frames of another exchange. */
  | 'foreign-answer';

export interface TinfoilDocumentOptions {
  readonly platform: TinfoilPlatform;
  /** 32 bytes. */
  readonly tlsKey: Uint8Array;
  readonly hpkeKey: Uint8Array;
  /** 32 bytes; `null` for the boot document. */
  readonly nonce: Uint8Array | null;
  /** Epoch milliseconds. SNP evidence is in force around FAKE_NOW only. */
  readonly now: number;
  readonly lie: TinfoilLie | null;
  /** `sections`: keys and devices travel as base64 whose bytes are hashed; `members`: the form before. */
  readonly form: 'members' | 'sections';
}

export interface TinfoilDocument {
  readonly document: Readonly<Record<string, unknown>>;
  readonly endorsements: readonly Endorsement[];
  readonly anchors: readonly TrustAnchor[];
  /** What a policy would list: `mrtd`, or the launch measurement. */
  readonly measurement: readonly [name: string, value: string];
}

const PREDICATE = 'https://tinfoil.sh/predicate';
const ZEROS = new Uint8Array(32);

export async function tinfoilDocument(options: TinfoilDocumentOptions): Promise<TinfoilDocument> {
  const { platform, tlsKey, hpkeKey, lie } = options;
  const nonce = lie === 'boot-document' ? null : options.nonce;
  const answered = lie === 'stale' || lie === 'stale-edited' ? ZEROS : nonce;
  const sections = sectionsOf(tlsKey, hpkeKey);
  const reportData =
    options.form === 'sections' && answered !== null
      ? concatBytes(sha256(concatBytes(utf8(ALGORITHM), answered, sha256(sections.keys), sha256(sections.devices))), ZEROS)
      : answered === null
        ? concatBytes(tlsKey, hpkeKey)
        : concatBytes(sha256(concatBytes(tlsKey, hpkeKey, answered)), ZEROS);
  const cpu = await (platform === 'tdx' ? tdx : snp)(reportData, options);
  const report = lie === 'tampered-report' ? cpu.report.with(0x90, (cpu.report[0x90] ?? 0) ^ 1) : cpu.report;
  const shown = lie === 'stale' ? ZEROS : nonce;
  const text = Buffer.from(report).toString('base64');
  const legacy = { format: `${PREDICATE}/${platform}-guest/v2`, body: gzipSync(report).toString('base64') };
  const dummy = { format: `${PREDICATE}/dummy/v2`, body: encodeHex(concatBytes(tlsKey, hpkeKey)) };
  const fresh = {
    format: `${PREDICATE}/attestation/v3`,
    report_data: {
      tls_key_fp: lie === 'other-tls-key' ? '0e'.repeat(32) : encodeHex(tlsKey),
      hpke_key: lie === 'other-hpke-key' ? '09'.repeat(32) : encodeHex(hpkeKey),
      nonce: encodeHex(shown ?? ZEROS),
    },
    cpu: { platform, report: text },
  };
  const other = sectionsOf(
    lie === 'other-tls-key' ? new Uint8Array(32).fill(0x0e) : tlsKey,
    lie === 'other-hpke-key' ? new Uint8Array(32).fill(9) : hpkeKey,
  );
  const sectioned = {
    format: `${PREDICATE}/attestation/v3`,
    challenge: {
      nonce: encodeHex(shown ?? ZEROS),
      report_data: encodeHex(reportData),
      report_data_algorithm: ALGORITHM,
    },
    cpu_evidence: {
      format: `https://tinfoil.sh/format/${platform === 'tdx' ? 'tdx-quote' : 'sev-snp-report'}/v1`,
      report_base64: text,
      endorsed: {
        crypto_material_hash: encodeHex(sha256(sections.keys)),
        device_evidence_hash: encodeHex(sha256(sections.devices)),
      },
    },
    crypto_material: Buffer.from(other.keys).toString('base64'),
    device_evidence: Buffer.from(other.devices).toString('base64'),
    collateral: [],
  };
  if (lie === 'dummy-document') return { ...cpu, document: dummy };
  if (shown === null) return { ...cpu, document: legacy };
  return { ...cpu, document: options.form === 'sections' ? sectioned : fresh };
}

const ALGORITHM = 'https://tinfoil.sh/report-data/v1';

/** The two endorsed sections, exact bytes. */
function sectionsOf(tls: Uint8Array, hpke: Uint8Array): { readonly keys: Uint8Array; readonly devices: Uint8Array } {
  const keys = {
    format: 'https://tinfoil.sh/crypto-material/v1',
    items: [
      { id: 'tls', format: 'https://tinfoil.sh/key/spki-fp-sha256/v1', data: encodeHex(tls) },
      { id: 'hpke', format: 'https://tinfoil.sh/key/x25519-hpke/v1', data: encodeHex(hpke) },
    ],
  };
  const devices = { format: 'https://tinfoil.sh/device-evidence/v1', items: [] };
  return { keys: utf8(JSON.stringify(keys)), devices: utf8(JSON.stringify(devices)) };
}

interface FakeCpu extends Omit<TinfoilDocument, 'document'> {
  readonly report: Uint8Array;
}

async function tdx(reportData: Uint8Array, { now, lie }: TinfoilDocumentOptions): Promise<FakeCpu> {
  const fake = await fakeDcap({
    ...fakeDcapAt(now, lie),
    body: (body: Uint8Array) => {
      body.set(reportData, 520);
      if (lie === 'debug') body.set([1], 120);
    },
  });
  return {
    report: fake.quote,
    endorsements: fake.endorsements,
    anchors: fake.anchors,
    measurement: ['mrtd', encodeHex(fake.quote.subarray(48 + 136, 48 + 184))],
  };
}

async function snp(reportData: Uint8Array, { lie }: TinfoilDocumentOptions): Promise<FakeCpu> {
  const fake = await fakeSnp({
    edit: (report, view) => {
      report.set(reportData, 0x50);
      if (lie === 'debug') view.setBigUint64(0x08, 0xb0000n, true); // GUEST_POLICY bit 19
    },
  });
  return {
    report: fake.report,
    endorsements: fake.chain.map((der): Endorsement => ({ kind: 'certificate', der })),
    anchors: [fake.anchor],
    measurement: ['measurement', encodeHex(fake.report.subarray(0x90, 0xc0))],
  };
}

function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest());
}
