/** Messages of Google's tools, spelled out from sound fake evidence: binary, as text and as JSON. */

import { joinBytes, utf8 } from '@assay/encoding/bytes';
import { decodeHex } from '@assay/encoding/hex';
import { FAKE_NOW, fakeDcap, fakeSnp, fakeTpmQuote } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { verify } from '../../verify.ts';
import { SNP_ATTESTATION_SCHEMA } from '../snp/report-proto.ts';
import { googleMessage } from './google-messages.ts';
import { encodeProtobufBytes, encodeProtobufInteger } from './protobuf.ts';
import { textFormatMessage } from './text-format.ts';

const snp = await fakeSnp();
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

describe('protocol buffers', () => {
  /** The fields of the fake report, as go-sev-guest writes them. */
  function attestation(report: Uint8Array): { readonly text: string; readonly binary: Uint8Array } {
    const view = new DataView(report.buffer, report.byteOffset, report.byteLength);
    const integers: readonly (readonly [string, bigint])[] = [
      ['version', BigInt(view.getUint32(0, true))],
      ['guest_svn', BigInt(view.getUint32(4, true))],
      ['policy', view.getBigUint64(8, true)],
      ['vmpl', BigInt(view.getUint32(0x30, true))],
      ['signature_algo', BigInt(view.getUint32(0x34, true))],
      ['current_tcb', view.getBigUint64(0x38, true)],
      ['platform_info', view.getBigUint64(0x40, true)],
      ['signer_info', BigInt(view.getUint32(0x48, true))],
      ['reported_tcb', view.getBigUint64(0x180, true)],
      ['committed_tcb', view.getBigUint64(0x1e0, true)],
      ['current_build', BigInt(report[0x1e8] ?? 0)],
      ['current_minor', BigInt(report[0x1e9] ?? 0)],
      ['current_major', BigInt(report[0x1ea] ?? 0)],
      ['committed_build', BigInt(report[0x1ec] ?? 0)],
      ['committed_minor', BigInt(report[0x1ed] ?? 0)],
      ['committed_major', BigInt(report[0x1ee] ?? 0)],
      ['launch_tcb', view.getBigUint64(0x1f0, true)],
      ['launch_mit_vector', view.getBigUint64(0x1f8, true)],
      ['current_mit_vector', view.getBigUint64(0x200, true)],
      ['cpuid1eax_fms', eax(report)],
    ];
    const bytes: readonly (readonly [string, number, number])[] = [
      ['family_id', 0x10, 16],
      ['image_id', 0x20, 16],
      ['report_data', 0x50, 64],
      ['measurement', 0x90, 48],
      ['host_data', 0xc0, 32],
      ['id_key_digest', 0xe0, 48],
      ['author_key_digest', 0x110, 48],
      ['report_id', 0x140, 32],
      ['report_id_ma', 0x160, 32],
      ['chip_id', 0x1a0, 64],
      ['signature', 0x2a0, 512],
    ];
    const escaped = (at: number, length: number): string =>
      [...report.subarray(at, at + length)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
    const lines = [
      ...integers.map(([name, value]) => `  ${name}: ${value}`),
      ...bytes.map(([name, at, length]) => `  ${name}: "${escaped(at, length)}"`),
    ];
    const text = `# printed by a tool\nreport {\n${lines.join('\n')}\n}\nproduct { name: SEV_PRODUCT_GENOA machine_stepping { value: 1 } }\n`;
    const binary = textFormatMessage(text, SNP_ATTESTATION_SCHEMA);
    if (binary === null) throw new Error('expected a message');
    return { text, binary };
  }

  function eax(report: Uint8Array): bigint {
    const [family = 0, model = 0, stepping = 0] = report.subarray(0x188, 0x18b);
    const base = Math.min(family, 15);
    return BigInt(((family - base) << 20) | ((model >> 4) << 16) | (base << 8) | ((model & 15) << 4) | stepping);
  }

  test('of go-sev-guest, binary and as text', async () => {
    const { text, binary } = attestation(snp.report);
    const endorsements = snp.chain.map((der) => ({ kind: 'certificate', der }) as const);
    for (const file of [utf8(text), binary])
      expect(await verify(file, { now: FAKE_NOW, endorsements, trust: { roots: [snp.anchor] } })).toMatchObject({
        type: 'sev-snp',
        claims: expect.anything(),
      });
  });

  test.each([4, 5] as const)(
    'of go-tdx-guest, version %i: binary, as text, as JSON, and inside go-tpm-tools',
    async (version) => {
      const fake = await fakeDcap(version === 4 ? {} : { version, tdReport: '1.5' });
      const { text, json } = tdxMessage(fake.quote);
      const binary = googleMessage(utf8(text));
      expect(binary).toEqual(fake.quote);
      const options = { now: fake.now, endorsements: fake.endorsements, trust: { roots: fake.anchors } };
      expect(googleMessage(utf8(JSON.stringify(json)))).toEqual(fake.quote);
      for (const file of [utf8(text), utf8(JSON.stringify(json))])
        expect(await verify(file, options)).toMatchObject({ type: 'tdx', claims: expect.anything() });
      if (version === 5) return;
      const inside = `ak_pub: "\\000\\001"\nevent_log: "log"\ntdx_attestation {\n${text}\n}\n`;
      expect(await verify(utf8(inside), options)).toMatchObject({ type: 'tdx', claims: expect.anything() });
    },
  );

  test('of go-tpm-tools with quotes of the vTPM alone: the one over SHA-256 counts', async () => {
    const { document, chain } = await fakeTpmQuote();
    const bytes = (encoded: string): Uint8Array => Uint8Array.from(Buffer.from(encoded, 'base64'));
    const pcrs = Object.entries(document.pcrs.sha256).map(([index, value]) =>
      encodeProtobufBytes(2, joinBytes([encodeProtobufInteger(1, BigInt(index)), encodeProtobufBytes(2, decodeHex(value))])),
    );
    const quote = (hash: bigint): Uint8Array =>
      encodeProtobufBytes(
        2,
        joinBytes([
          encodeProtobufBytes(1, bytes(document.message)),
          encodeProtobufBytes(2, decodeHex(document.signature)),
          encodeProtobufBytes(3, joinBytes([encodeProtobufInteger(1, hash), ...pcrs])),
        ]),
      );
    const file = joinBytes([
      encodeProtobufBytes(1, Uint8Array.of(0, 1, 2)),
      quote(4n),
      quote(11n),
      encodeProtobufBytes(6, chain.leaf.der),
      encodeProtobufBytes(7, chain.intermediate.der),
    ]);
    const { outcome, claims } = await verify(file, {
      now: FAKE_NOW,
      trust: { roots: [{ ...chain.anchor, simulated: false }] },
    });
    expect(outcome).toBe('accepted');
    expect(claims).toMatchObject({ type: 'tpm', measurements: { pcr7: '08'.repeat(32) } });
  });

  test('that lack a part say which', async () => {
    const { text } = tdxMessage((await fakeDcap()).quote);
    const cut = text.slice(0, text.indexOf('  certification_data'));
    expect(await verify(utf8(`${cut}}\n`), { now: FAKE_NOW })).toMatchObject({
      outcome: 'malformed',
      error: { code: 'dcap/quote-malformed', message: expect.stringContaining('certification_data') },
    });
  });

  test('with unknown names are another message', () => {
    expect(googleMessage(utf8('header { version: 4 colour: 3 }'))).toBeNull();
    expect(googleMessage(joinBytes([encodeProtobufInteger(1, 4n), encodeProtobufBytes(2, utf8('x'))]))).toBeNull();
  });
});

/** A quote spelled out as go-tdx-guest does it; its own layout is Intel's. */
function tdxMessage(quote: Uint8Array): { readonly text: string; readonly json: object } {
  const view = new DataView(quote.buffer, quote.byteOffset, quote.byteLength);
  let at = 0;
  const take = (length: number): Uint8Array => {
    at += length;
    return quote.subarray(at - length, at);
  };
  const number = (length: number): number => [...take(length)].reduceRight((value, byte) => value * 256 + byte, 0);
  const version = view.getUint16(0, true);
  const header = {
    version: number(2),
    attestation_key_type: number(2),
    tee_type: number(4),
    pce_svn: take(2),
    qe_svn: take(2),
    qe_vendor_id: take(16),
    user_data: take(20),
  };
  const described = version === 5 ? { td_quote_body_type: number(2), td_quote_body_size: number(4) } : null;
  const names = [
    'tee_tcb_svn',
    'mr_seam',
    'mr_signer_seam',
    'seam_attributes',
    'td_attributes',
    'xfam',
    'mr_td',
    'mr_config_id',
    'mr_owner',
    'mr_owner_config',
  ];
  const lengths = [16, 48, 48, 8, 8, 8, 48, 48, 48, 48];
  const body = {
    ...Object.fromEntries(names.map((name, index) => [name, take(lengths[index] ?? 0)])),
    rtmrs: [take(48), take(48), take(48), take(48)],
    report_data: take(64),
    ...(described === null ? {} : { tee_tcb_svn2: take(16), mr_service_td: take(48) }),
  };
  const signed_data_size = number(4);
  const signature = take(64);
  const ecdsa_attestation_key = take(64);
  const [certificate_data_type, size] = [number(2), number(4)];
  const qe_report = {
    cpu_svn: take(16),
    misc_select: number(4),
    reserved1: take(28),
    attributes: take(16),
    mr_enclave: take(32),
    reserved2: take(32),
    mr_signer: take(32),
    reserved3: take(96),
    isv_prod_id: number(2),
    isv_svn: number(2),
    reserved4: take(60),
    report_data: take(64),
  };
  const qe_report_signature = take(64);
  const parsed_data_size = number(2);
  const qe_auth_data = { parsed_data_size, data: take(parsed_data_size) };
  const chainType = number(2);
  const chainSize = number(4);
  const pck_certificate_chain_data = { certificate_data_type: chainType, size: chainSize, pck_cert_chain: take(chainSize) };
  const inner = { qe_report, qe_report_signature, qe_auth_data, pck_certificate_chain_data };
  const message = {
    header,
    ...(described === null ? { td_quote_body: body } : { td_quote_body_descriptor: { ...described, td_quote_body_v5: body } }),
    signed_data_size,
    signed_data: {
      signature,
      ecdsa_attestation_key,
      certification_data: { certificate_data_type, size, qe_report_certification_data: inner },
    },
  };
  return { text: textOf(message, 0), json: jsonOf(message) as object };
}

function textOf(message: object, depth: number): string {
  const indent = '  '.repeat(depth);
  return Object.entries(message)
    .flatMap(([name, value]) =>
      Array.isArray(value) ? value.map((each: unknown) => [name, each] as const) : [[name, value] as const],
    )
    .map(([name, value]) => {
      if (typeof value === 'number') return `${indent}${name}: ${value}`;
      if (value instanceof Uint8Array)
        return `${indent}${name}: "${[...value].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}"`;
      return `${indent}${name} {\n${textOf(value as object, depth + 1)}\n${indent}}`;
    })
    .join('\n');
}

function jsonOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return base64(value);
  if (Array.isArray(value)) return value.map(jsonOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
      jsonOf(each),
    ]),
  );
}
