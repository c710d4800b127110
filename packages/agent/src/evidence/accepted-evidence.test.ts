/** Evidence of a report that is accepted has every member verified: one that is forged or not known refuses the whole. */

import { resolveTrust } from '@assay/attestation';
import { encodeBase64 } from '@assay/encoding/base64';
import { encodeHex } from '@assay/encoding/hex';
import type { Json } from '@assay/encoding/json';
import { expectCode, expectRefusal, FAKE_NOW, fakeChain, fakeDevice, fakeKey, fakeNitroDocument } from '@assay/testing';
import { expect, it } from 'vitest';
import { acceptedEvidence } from './accepted-evidence.ts';

const statement = new Uint8Array(32).fill(0xd1);
const chain = await fakeChain({ simulated: true });
const { document } = await fakeNitroDocument({ chain, fields: { user_data: statement, nonce: null, timestamp: FAKE_NOW } });
const device = await fakeDevice({ nonce: statement });
const forged = await fakeDevice({ nonce: statement, signer: await fakeKey('P-384', 'stranger') });

function accepted(more: Readonly<Record<string, Json>>) {
  const trust = resolveTrust({ simulatedRoot: chain.root.der, roots: [{ ...device.anchor, simulated: false }] });
  return acceptedEvidence(
    { document: encodeBase64(document), simulated: true, ...more },
    { time: FAKE_NOW, endorsements: [], trust },
  );
}

it('is accepted with the slot that holds the statement', async () => {
  expect(encodeHex((await accepted({})).reportData)).toBe(encodeHex(statement));
});

it('is accepted with GPUs that answered the statement, and refused with one that answered another', async () => {
  const { claims } = await accepted({ nvidia: [device.entry] });
  expect(Object.keys(claims.submodules)).toEqual(['gpu-0']);
  await expectCode(accepted({ nvidia: [(await fakeDevice()).entry] }), 'policy/refused');
});

it('is refused with a forged GPU', async () => {
  await expectCode(accepted({ nvidia: [forged.entry] }), 'nvidia/signature-invalid');
});

it('is refused with a member that is not known', async () => {
  await expectRefusal(accepted({ accelerators: [forged.entry] }), 'evidence/unrecognised', ['accelerators', 'newer']);
});
