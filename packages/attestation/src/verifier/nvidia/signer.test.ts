/** How many signature checks a device costs, whatever certificates its sender adds: P-384 checks on Node's thread and on WebCrypto's. */

import { certificatesOf, expectRefusal, FAKE_NOW, type FakeDevice, fakeDevice } from '@assay/testing';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { NvidiaEvidence } from '../../evidence/nvidia/evidence-file.ts';
import { nvidiaGpuVerifier } from './nvidia.ts';
import { verifyNvidia } from './nvidia-evidence.ts';
import { CheckBudget } from './signer.ts';

const node = process.getBuiltinModule('node:crypto');
const OTHER_FIRMWARE = new Uint8Array(48).fill(9);

beforeEach(() => {
  vi.spyOn(node, 'verify');
  vi.spyOn(crypto.subtle, 'verify');
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** Checks on Node's thread, and on WebCrypto's; a chain of two certificates costs two or three of the latter. */
function checks(): { readonly native: number; readonly web: number } {
  return { native: vi.mocked(node.verify).mock.calls.length, web: vi.mocked(crypto.subtle.verify).mock.calls.length };
}

function evidenceOf(device: FakeDevice, times = 1): NvidiaEvidence {
  const { value } = nvidiaGpuVerifier.recognise(device.spdm) as { readonly value: NvidiaEvidence };
  return { devices: Array.from({ length: times }, () => value.devices).flat() };
}

/** Verifies measurements without a chain of their own, with the leaves of `others` in front of the right one. */
async function verified(device: FakeDevice, others: readonly FakeDevice[], times = 1) {
  const endorsements = [...certificatesOf(others.map(({ leaf }) => leaf.der)), ...certificatesOf(device.chain)];
  vi.clearAllMocks();
  return verifyNvidia(evidenceOf(device, times), { now: FAKE_NOW, endorsements, trust: { roots: [device.anchor] } });
}

async function devices(count: number, options: Parameters<typeof fakeDevice>[0] = {}): Promise<readonly FakeDevice[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => fakeDevice({ ...options, serial: 2 + index })));
}

test('certificates of other firmware or another chip cost no check, and one key none of its own', async () => {
  const device = await fakeDevice();
  const [others, chips] = [await devices(20, { firmwareId: OTHER_FIRMWARE }), await devices(3, { product: 'LS_10' })];
  await verified(device, [device, device, ...others, ...chips]);
  const { native, web } = checks();
  expect(native).toBe(1);
  expect(web).toBeLessThanOrEqual(3);
});

test('several keys that fit are tried on WebCrypto alone', async () => {
  const device = await fakeDevice();
  await verified(device, await devices(5));
  const { native, web } = checks();
  expect(native).toBe(0);
  expect(web).toBeLessThanOrEqual(6 + 3);
});

test('more keys than a machine has devices are refused before one is tried', async () => {
  const device = await fakeDevice();
  await expectRefusal(verified(device, await devices(64)), 'endorsements/too-large', ['at most 64', 'got 65', 'its own chain']);
  expect(checks()).toEqual({ native: 0, web: 0 });
});

test('the same answer again costs nothing, and is a failed check', async () => {
  const device = await fakeDevice();
  const claims = await verified(device, [], 200);
  const { native, web } = checks();
  expect(native).toBe(1);
  expect(web).toBeLessThanOrEqual(3);
  expect(claims.checks.find(({ id }) => id === 'nvidia.distinct-devices')?.outcome).toBe('fail');
});

test('the checks of all devices together are bounded', async () => {
  const budget = new CheckBudget();
  for (let device = 0; device < 8; device++) budget.take(64);
  await expectRefusal(async () => budget.take(1), 'endorsements/too-large', ['at most 512']);
});
