/** Tinfoil's version 3 in sections: what the CPU commits to, byte by byte, and documents that break the form. */

import { utf8 } from '@assay/encoding/bytes';
import { decodeHex } from '@assay/encoding/hex';
import { FAKE_NOW, fakeDevice, type LooseJson, type TinfoilDocument, tinfoilDocument } from '@assay/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import type { VerifiedClaims } from '../../model/claims.ts';
import { combinedVerifier } from '../../verifier/combined/combined.ts';
import { combinedReportOf } from './report.ts';

const NONCE = new Uint8Array(32).fill(5);
const OPTIONS = {
  ...{ tlsKey: new Uint8Array(32).fill(1), hpkeKey: new Uint8Array(32).fill(2), nonce: NONCE },
  ...{ now: FAKE_NOW, lie: null, form: 'sections' as const },
} as const;
let genuine: TinfoilDocument;
let snp: TinfoilDocument;

beforeAll(async () => {
  genuine = await tinfoilDocument({ ...OPTIONS, platform: 'tdx' });
  snp = await tinfoilDocument({ ...OPTIONS, platform: 'sev-snp' });
});

async function verify(document: unknown, { endorsements, anchors } = genuine): Promise<VerifiedClaims> {
  const value = combinedReportOf(utf8(JSON.stringify(document)));
  if (value === null) throw new Error('not recognised');
  return combinedVerifier.verify({ type: 'combined', value }, { now: FAKE_NOW, endorsements, trust: { roots: anchors } });
}

const decoded = (section: string): LooseJson => JSON.parse(Buffer.from(section, 'base64').toString());
const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');

test.each(['tdx', 'sev-snp'] as const)('binds both keys and the nonce, %s', async (platform) => {
  const made = platform === 'tdx' ? genuine : snp;
  const claims = await verify(made.document, made);
  expect(claims.checks.filter(({ outcome }) => outcome === 'fail')).toEqual([]);
  expect(claims).toMatchObject({
    bindings: { nonce: '05'.repeat(32), publicKey: '02'.repeat(32) },
    identity: { 'tls-key-fingerprint': '01'.repeat(32), 'hpke-key': '02'.repeat(32) },
  });
});

test("the chip's certificate in the collateral is used, and verified like any other", async () => {
  const [key, ...rest] = snp.endorsements;
  if (key?.kind !== 'certificate') throw new Error('expected the certificate of the key first');
  const entry = (der: Uint8Array) => ({
    ...{ id: 'cpu-endorsement', role: 'endorsement', subjects: ['cpu'] },
    ...{ format: 'https://tinfoil.sh/collateral/amd-vcek/v1', data: { vcek_der_base64: Buffer.from(der).toString('base64') } },
  });
  const without = { ...snp, endorsements: rest };
  await expect(verify(snp.document, without)).rejects.toMatchObject({ kind: 'unavailable' });
  expect((await verify({ ...snp.document, collateral: [entry(key.der)] }, without)).type).toBe('combined');
  const spoilt = key.der.with(key.der.length - 1, (key.der.at(-1) ?? 0) ^ 1);
  await expect(verify({ ...snp.document, collateral: [entry(spoilt)] }, without)).rejects.toMatchObject({ kind: 'untrusted' });
});

test('devices are bound, and answer the nonce of the document', async () => {
  const { entry } = await fakeDevice({ nonce: NONCE });
  const device = {
    id: 'gpu0',
    kind: 'gpu',
    vendor: 'nvidia',
    format: 'https://tinfoil.sh/format/nvidia-gpu-evidence/v1',
    evidence: entry,
  };
  const section = { format: 'https://tinfoil.sh/device-evidence/v1', items: [device] };
  const document = { ...genuine.document, device_evidence: encoded(section) };
  await expect(verify(document), 'GPUs of another machine are not in the report data').rejects.toMatchObject({
    code: 'combined/key-unbound',
  });
  const report = combinedReportOf(utf8(JSON.stringify(document)));
  expect(report?.nodes[0]).toMatchObject({ binding: { hasGpus: true }, gpus: { devices: [expect.anything()] } });
  const others = { ...section, items: [{ ...device, id: 'nvswitch0', format: 'nvswitch' }] };
  expect(combinedReportOf(utf8(JSON.stringify({ ...document, device_evidence: encoded(others) })))?.unread).toContain(
    'nvswitch',
  );
});

test('every flipped bit of the sections and of the nonce is refused', async () => {
  for (const member of ['crypto_material', 'device_evidence'] as const) {
    const bytes = Buffer.from(String(genuine.document[member]), 'base64');
    for (let bit = 0; bit < bytes.length * 8; bit += 7) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const refused = verify({ ...genuine.document, [member]: flipped.toString('base64') });
      await expect(refused, `${member}, bit ${bit}`).rejects.toMatchObject({ code: expect.stringMatching(/^combined\//) });
    }
  }
  const { challenge } = genuine.document as LooseJson;
  const nonce = Buffer.from(decodeHex(challenge.nonce)).toString('hex').replace(/^05/, '04');
  await expect(verify({ ...genuine.document, challenge: { ...challenge, nonce } })).rejects.toMatchObject({
    code: 'combined/key-unbound',
  });
});

describe('one defect', () => {
  test.each<[string, (document: LooseJson) => void]>([
    ['another algorithm', (document) => (document.challenge.report_data_algorithm = 'https://tinfoil.sh/report-data/v2')],
    ['a short nonce', (document) => (document.challenge.nonce = '05')],
    ['no nonce', (document) => delete document.challenge.nonce],
    ['no cpu evidence', (document) => delete document.cpu_evidence],
    ['another kind of cpu', (document) => (document.cpu_evidence.format = 'https://tinfoil.sh/format/sgx/v1')],
    ['no report', (document) => (document.cpu_evidence.report_base64 = '')],
    ['no keys', (document) => delete document.crypto_material],
    ['keys that are no base64', (document) => (document.crypto_material = '{}')],
    ['keys that are no JSON', (document) => (document.crypto_material = 'AAAA')],
    ['keys that are a list', (document) => (document.crypto_material = encoded([]))],
    ['no devices', (document) => delete document.device_evidence],
    ['devices of another form', (document) => (document.device_evidence = encoded({ format: 'x', items: [] }))],
    ['GPU evidence that is none', (document) => (document.device_evidence = encoded(gpuSection({ id: 'gpu0', evidence: 1 })))],
    ['an item without a name', (document) => (document.device_evidence = encoded(gpuSection({ evidence: {} })))],
    ['a key without its TLS', (document) => keys(document, (items) => items.shift())],
    ['a key twice', (document) => keys(document, (items) => items.push(items[0]))],
    ['keys in each other’s place', (document) => keys(document, ([tls, hpke]) => ([tls.id, hpke.id] = [hpke.id, tls.id]))],
    ['a short key', (document) => keys(document, ([tls]) => (tls.data = '01'))],
    ['a key that is no text', (document) => keys(document, ([tls]) => (tls.data = 1))],
  ])('%s is malformed', async (_name, change) => {
    const document = structuredClone(genuine.document) as LooseJson;
    change(document);
    await expect(verify(document)).rejects.toMatchObject({ code: 'combined/malformed' });
  });
});

function gpuSection(item: object): object {
  const format = 'https://tinfoil.sh/format/nvidia-gpu-evidence/v1';
  return { format: 'https://tinfoil.sh/device-evidence/v1', items: [{ ...item, format }] };
}

function keys(document: LooseJson, change: (items: LooseJson[]) => void): void {
  const section = decoded(document.crypto_material);
  change(section.items);
  document.crypto_material = encoded(section);
}
