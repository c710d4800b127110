/** DMTF DSP0274 and NVIDIA's manifests: one defect each against sound fake devices, then every one-bit flip of what is signed. */

import { utf8 } from '@assay/encoding/bytes';
import { DER_TAG } from '@assay/encoding/der';
import { encodeDer, encodeDerOid } from '@assay/encoding/der-writer';
import { encodeHex } from '@assay/encoding/hex';
import { encodeName, keyUsage } from '@assay/encoding/x509-writer';
import {
  certificatesOf,
  FAKE_NOW,
  type FakeDevice,
  type FakeDeviceOptions,
  type FakeOcspOptions,
  fakeCertificate,
  fakeDevice,
  fakeKey,
  fakeManifest,
  fakeMeasurement,
  fakeOcsp,
  verifyFakeDevice,
} from '@assay/testing';
import { describe, expect, test } from 'vitest';
import type { NamedClaims } from '../../model/claims.ts';
import type { Endorsement, Endorsements } from '../../model/endorsements.ts';
import { nvidiaGpuVerifier, nvidiaSwitchVerifier } from './nvidia.ts';

const hex = (index: number): string => encodeHex(fakeMeasurement(index));
const DRIVER = { version: '580.95.05', golden: { 1: [hex(1)], 2: [hex(99), hex(2)] } };
const VBIOS = { version: '96.00.74.00.1A', golden: { 3: [hex(3)] } };

function json(value: unknown): Uint8Array {
  return utf8(JSON.stringify(value));
}

function outcome(claims: NamedClaims, id: string): string | undefined {
  return claims.checks.find((check) => check.id === id)?.outcome;
}

/** Answers about the leaf and its issuer: the first as given, the second good. */
async function answers(device: FakeDevice, options: Partial<FakeOcspOptions> = {}): Promise<Endorsements> {
  const ders = await Promise.all([
    fakeOcsp({ serial: Uint8Array.of(0x50, 1), issuer: device.issuer, status: 'good', ...options }),
    fakeOcsp({ serial: Uint8Array.of(2), issuer: device.root, status: 'good' }),
  ]);
  return [...certificatesOf(device.chain), ...ders.map((der): Endorsement => ({ kind: 'ocsp', der }))];
}

describe('sound devices', () => {
  test.each<{ options: FakeDeviceOptions; type: string; architecture: string }>([
    { options: {}, type: 'nvidia-gpu', architecture: 'HOPPER' },
    { options: { product: 'GB100' }, type: 'nvidia-gpu', architecture: 'BLACKWELL' },
    { options: { product: 'LS_10' }, type: 'nvidia-switch', architecture: 'LS10' },
  ])('$architecture', async ({ options, type, architecture }) => {
    const claims = await verifyFakeDevice(await fakeDevice(options));
    expect(claims).toMatchObject({ type, simulated: true, debug: null, identity: { architecture, ueid: String(0x5001) } });
    expect(claims.bindings.nonce).toBe('4e'.repeat(32));
    expect(claims.measurements['measurement-5']).toBe(hex(5));
    expect(outcome(claims, 'nvidia.firmware-id')).toBe('pass');
    expect(outcome(claims, 'nvidia.cpu-binding')).toBe('not-checked');
    expect(outcome(claims, 'nvidia.rim-vbios-measurements')).toBe('not-checked');
    expect(outcome(claims, 'nvidia.revocation-device')).toBe('not-checked');
  });

  test('with both manifests matching is known not to be in debug mode', async () => {
    const manifests = await Promise.all([fakeManifest(DRIVER), fakeManifest(VBIOS)]);
    const claims = await verifyFakeDevice(await fakeDevice(), { manifests });
    expect(claims.debug).toBe(false);
    expect(claims.checks.filter(({ id }) => id.startsWith('nvidia.rim-')).map(({ outcome }) => outcome)).toEqual(
      Array(5).fill('pass'),
    );
  });

  test('names the manifests it needs', async () => {
    expect((await verifyFakeDevice(await fakeDevice())).details.rimIds).toEqual({
      driver: 'NV_GPU_DRIVER_GH100_580.95.05',
      vbios: 'NV_GPU_VBIOS_1010_0200_882_960074001A',
    });
  });

  test('older drivers send no firmware id: not checked', async () => {
    expect(outcome(await verifyFakeDevice(await fakeDevice({ opaque: { 20: null } })), 'nvidia.firmware-id')).toBe(
      'not-checked',
    );
  });

  test('padding after the signature is told', async () => {
    const device = await fakeDevice();
    expect((await verifyFakeDevice(device, { file: new Uint8Array([...device.spdm, 0, 0]) })).details.padding).toBe(2);
  });
});

describe('golden measurements', () => {
  test.each<{ name: string; device: FakeDeviceOptions; driver?: object; id: string; wanted: string; actual?: string }>([
    {
      name: 'a different value',
      device: { measurements: { 2: fakeMeasurement(77) } },
      id: 'nvidia.rim-driver-measurements',
      wanted: 'fail',
      actual: '1 of 2 match; different at index 2',
    },
    {
      name: 'a second alternative',
      device: { measurements: { 2: fakeMeasurement(99) } },
      id: 'nvidia.rim-driver-measurements',
      wanted: 'pass',
    },
    {
      name: 'an inactive index',
      device: { measurements: { 63: fakeMeasurement(7) } },
      id: 'nvidia.rim-driver-measurements',
      wanted: 'pass',
    },
    {
      name: 'nvdec0 disabled leaves index 35 out',
      device: { opaque: { 11: Uint8Array.of(0x55) } },
      driver: { ...DRIVER, golden: { 1: [hex(1)], 35: [hex(0)] } },
      id: 'nvidia.rim-driver-measurements',
      wanted: 'pass',
    },
    {
      name: 'nvdec0 of unknown state keeps index 35 in',
      device: { opaque: { 11: null } },
      driver: { ...DRIVER, golden: { 1: [hex(1)], 35: [hex(0)] } },
      id: 'nvidia.rim-driver-measurements',
      wanted: 'fail',
    },
    {
      name: 'nothing active',
      device: {},
      driver: { ...DRIVER, golden: {} },
      id: 'nvidia.rim-driver-measurements',
      wanted: 'fail',
    },
    {
      name: 'another version',
      device: {},
      driver: { ...DRIVER, version: '1.2' },
      id: 'nvidia.rim-driver',
      wanted: 'not-checked',
    },
    {
      name: 'another product',
      device: {},
      driver: { ...DRIVER, product: 'GB100' },
      id: 'nvidia.rim-driver',
      wanted: 'not-checked',
    },
    {
      name: 'an index in both manifests',
      device: {},
      driver: { ...DRIVER, golden: { 3: [hex(3)] } },
      id: 'nvidia.rim-overlap',
      wanted: 'fail',
    },
  ])('$name: $id $wanted', async ({ device, driver = DRIVER, id, wanted, actual }) => {
    const manifests = await Promise.all([fakeManifest(driver), fakeManifest(VBIOS)]);
    const claims = await verifyFakeDevice(await fakeDevice(device), { manifests });
    expect(outcome(claims, id)).toBe(wanted);
    if (actual !== undefined) expect(claims.checks.find((check) => check.id === id)?.actual).toBe(actual);
  });

  test('of two manifests for one version the one that matches counts', async () => {
    const manifests = await Promise.all([fakeManifest({ ...DRIVER, golden: { 1: [hex(50)] } }), fakeManifest(DRIVER)]);
    expect(outcome(await verifyFakeDevice(await fakeDevice(), { manifests }), 'nvidia.rim-driver-measurements')).toBe('pass');
  });
});

describe('several devices', () => {
  test('are submodules of one claim', async () => {
    const [first, second, lane] = await Promise.all([
      fakeDevice(),
      fakeDevice({ serial: 2 }),
      fakeDevice({ product: 'LS_10', serial: 3 }),
    ]);
    const file = json({ nonce: first.entry.nonce, arch: 'HOPPER', evidence_list: [first.entry, second.entry, lane.entry] });
    const claims = await verifyFakeDevice(first, { file, endorsements: [] });
    expect(Object.keys(claims.submodules)).toEqual(['gpu-0', 'gpu-1', 'switch-0']);
    expect(claims.bindings.nonce).toBe('4e'.repeat(32));
    expect(claims.checks.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual([
      'nvidia.distinct-devices pass',
      'nvidia.common-nonce pass',
      'nvidia.cpu-binding not-checked',
    ]);
  });

  test("are read from CoCo's list, with measurements in hex", async () => {
    const devices = await Promise.all([fakeDevice(), fakeDevice({ serial: 2 })]);
    const list = devices.map(({ entry }) => ({ ...entry, evidence: Buffer.from(entry.evidence, 'base64').toString('hex') }));
    const [first] = devices;
    const claims = await verifyFakeDevice(first, { file: json({ device_evidence_list: list }), endorsements: [] });
    expect(Object.keys(claims.submodules)).toEqual(['gpu-0', 'gpu-1']);
  });

  test('one device shown twice is a failed check', async () => {
    const device = await fakeDevice();
    const claims = await verifyFakeDevice(device, { file: json([device.entry, device.entry]), endorsements: [] });
    expect(outcome(claims, 'nvidia.distinct-devices')).toBe('fail');
  });

  test('different nonces are a failed check, and no nonce is claimed', async () => {
    const [first, second] = await Promise.all([fakeDevice(), fakeDevice({ serial: 2, nonce: new Uint8Array(32) })]);
    const claims = await verifyFakeDevice(first, { file: json([first.entry, second.entry]), endorsements: [] });
    expect(outcome(claims, 'nvidia.common-nonce')).toBe('fail');
    expect(claims.bindings.nonce).toBeNull();
  });

  test('a nonce written beside the evidence that is not the signed one is a failed check', async () => {
    const device = await fakeDevice();
    const claims = await verifyFakeDevice(device, {
      file: json({ ...device.entry, nonce: '00'.repeat(32) }),
      endorsements: [],
    });
    expect(outcome(claims, 'nvidia.declared-nonce')).toBe('fail');
    expect(claims.bindings.nonce).toBe('4e'.repeat(32));
  });
});

describe('ocsp', () => {
  test.each<{ name: string; options: Partial<FakeOcspOptions>; wanted: string }>([
    { name: 'good', options: {}, wanted: 'pass' },
    { name: 'good, today, without an end', options: { nextUpdate: null, thisUpdate: FAKE_NOW - 1000 }, wanted: 'pass' },
    { name: 'on hold', options: { status: { reason: 6 } }, wanted: 'fail' },
    { name: 'unknown', options: { status: 'unknown' }, wanted: 'not-checked' },
    { name: 'about another certificate', options: { serial: Uint8Array.of(9) }, wanted: 'not-checked' },
  ])('$name: $wanted', async ({ options, wanted }) => {
    const device = await fakeDevice();
    const claims = await verifyFakeDevice(device, { endorsements: await answers(device, options) });
    expect(outcome(claims, 'nvidia.revocation-device')).toBe(wanted);
  });

  test('a responder with the signing purpose under the same issuer is believed', async () => {
    const device = await fakeDevice();
    const claims = await verifyFakeDevice(device, {
      endorsements: await answers(device, { responder: await responder(device.root, true) }),
    });
    expect(outcome(claims, 'nvidia.revocation-device')).toBe('pass');
  });
});

test('every one-bit flip of measurements and signature is refused', async () => {
  const device = await fakeDevice({ blocks: 4 });
  const endorsements = certificatesOf(device.chain);
  const accepts = async (bit: number): Promise<boolean> => {
    const file = device.spdm.slice();
    file[bit >> 3] = (file[bit >> 3] as number) ^ (1 << (bit & 7));
    try {
      const evidence = nvidiaGpuVerifier.recognise(file) ?? nvidiaSwitchVerifier.recognise(file);
      if (evidence === null) return false;
      await nvidiaGpuVerifier.verify(evidence, { now: FAKE_NOW, endorsements, trust: { roots: [device.anchor] } });
      return true;
    } catch (error) {
      expect(error).toHaveProperty('code');
      return false;
    }
  };
  const accepted: number[] = [];
  const all = Array.from({ length: device.spdm.length * 8 }, (_, bit) => bit);
  for (let from = 0; from < all.length; from += 64) {
    const bits = all.slice(from, from + 64);
    const verdicts = await Promise.all(bits.map(accepts));
    accepted.push(...bits.filter((_, at) => verdicts[at]));
  }
  expect(accepted).toEqual([]);
}, 180_000);

/** A responder below `issuer`, or below an unknown one. */
async function responder(issuer: FakeDevice['root'] | undefined, withPurpose: boolean): Promise<FakeDevice['root']> {
  const purpose = encodeDer(DER_TAG.sequence, encodeDerOid('1.3.6.1.5.5.7.3.9'));
  return fakeCertificate({
    name: 'responder',
    key: await fakeKey('P-384', 'responder'),
    ...(issuer !== undefined && { issuer }),
    issuerName: issuer?.subject ?? encodeName({ CN: 'stranger' }),
    extensions: [keyUsage(0), ...(withPurpose ? [{ oid: '2.5.29.37', critical: false, value: purpose }] : [])],
  });
}
