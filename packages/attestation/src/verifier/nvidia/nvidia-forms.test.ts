/** What devices seldom show: an unknown mode, a statement of another keyset, a manifest that cannot be read, a manifest by itself. */

import { encodeHex } from '@assay/encoding/hex';
import { FAKE_NOW, fakeDevice, fakeManifest, fakeMeasurement, fakeNitroDocument, verifyFakeDevice } from '@assay/testing';
import { expect, test } from 'vitest';
import { nvidiaEvidenceOf } from '../../evidence/nvidia/evidence-file.ts';
import type { NamedClaims } from '../../model/claims.ts';
import { verifyEvidence } from '../../verify.ts';
import { attachGpus } from './attached.ts';
import { nvidiaRimVerifier } from './rim.ts';

const outcome = ({ checks }: NamedClaims, id: string) => checks.find((check) => check.id === id)?.outcome;
const NONCE = new Uint8Array(32).fill(7);

test('a driver that does not say how the device is shared leaves that open', async () => {
  expect(outcome(await verifyFakeDevice(await fakeDevice({ opaque: { 36: null } })), 'nvidia.mode')).toBe('not-checked');
});

test.each([
  ['this statement', encodeHex(NONCE), 'pass'],
  ['another', '00'.repeat(32), 'fail'],
])('a GPU that answered %s', async (_, statement, wanted) => {
  const [{ document, anchor: root }, device] = await Promise.all([fakeNitroDocument(), fakeDevice({ nonce: NONCE })]);
  const options = { now: FAKE_NOW, trust: { roots: [root, device.anchor] } };
  const gpus = nvidiaEvidenceOf(new TextEncoder().encode(JSON.stringify([device.entry])));
  if (gpus === null) throw new Error('expected evidence of a GPU');
  const claims = await attachGpus(await verifyEvidence(document, options), { gpus, statement }, options);
  expect(outcome(claims, 'nvidia.statement')).toBe(wanted);
  expect(Object.keys(claims.submodules)).toEqual(['gpu-0']);
});

test('a manifest that cannot be read counts only where one is missing', async () => {
  const device = await fakeDevice();
  const manifests = [
    await fakeManifest(),
    await fakeManifest({ version: '96.00.74.00.1A', golden: { 2: [encodeHex(fakeMeasurement(2))] } }),
  ];
  const broken = { ...(await fakeManifest()), xml: new TextEncoder().encode('<SoftwareIdentity/>') };
  const claims = await verifyFakeDevice(device, { manifests: [broken, ...manifests] });
  expect(outcome(claims, 'nvidia.rim-driver')).toBe('pass');
  await expect(verifyFakeDevice(device, { manifests: [broken] })).rejects.toMatchObject({ code: 'endorsements/unreadable' });
});

test('a manifest by itself says nothing of a device', async () => {
  const { xml, anchor } = await fakeManifest();
  const evidence = nvidiaRimVerifier.recognise(xml);
  if (evidence === null) throw new Error('expected a manifest');
  const claims = await nvidiaRimVerifier.verify(evidence, { now: FAKE_NOW, trust: { roots: [anchor] } });
  expect(outcome(claims, 'nvidia-rim.device')).toBe('not-checked');
});
