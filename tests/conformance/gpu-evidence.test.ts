/** GPUs in an agent's report: each is verified, and counts only when it answered the statement that the CPU quoted. */

import { appraise, trustAnchor, verifyAgentEvidence } from '@assay/attestation';
import { encodeHex } from '@assay/encoding/hex';
import type { Json } from '@assay/encoding/json';
import { fakeDcap } from '@assay/simulator';
import { expectCode, expectRefusal, fakeDevice } from '@assay/testing';
import { expect, test } from 'vitest';

const statement = new Uint8Array(32).fill(0xd1);

async function verified(nvidia: (entries: readonly Json[]) => Json, options: { nonce?: Uint8Array; simulated?: boolean } = {}) {
  const { nonce = statement, simulated = true } = options;
  const cpu = await fakeDcap({
    tee: 'tdx',
    simulated,
    body: (body) => body.fill(0, 520, 584) && body.set(statement, 520),
  });
  const devices = await Promise.all([1, 2].map((serial) => fakeDevice({ serial, nonce })));
  const anchors = [
    ...cpu.anchors,
    ...devices.map(({ root }) => trustAnchor('fake device root', root.der, { simulated: true })),
  ];
  const evidence = { quote: encodeHex(cpu.quote), nvidia: nvidia(devices.map(({ entry }) => entry as unknown as Json)) };
  return verifyAgentEvidence(evidence, {
    time: cpu.now,
    endorsements: cpu.endorsements,
    trust: { anchors, simulated: true } as never,
  });
}

const statementCheck = ({ claims }: Awaited<ReturnType<typeof verified>>) =>
  claims.checks.find(({ id }) => id === 'nvidia.statement')?.outcome;

test('one GPU or several become parts of the CPU that answered the same statement', async () => {
  const several = await verified((entries) => entries as Json);
  expect([several.claims.type, ...Object.keys(several.claims.submodules)]).toEqual(['tdx', 'gpu-0', 'gpu-1']);
  expect(encodeHex(several.reportData)).toBe(encodeHex(statement).padEnd(128, '0'));
  expect(statementCheck(several)).toBe('pass');
  const one = await verified(([first]) => [first as Json]);
  expect(Object.keys(one.claims.submodules)).toEqual(['gpu-0']);
  expect((await verified(([first]) => [first as Json], { simulated: false })).claims.simulated).toBe(true);
});

test('GPUs of another statement are a failed check, which every policy refuses', async () => {
  const replayed = await verified((entries) => entries as Json, { nonce: new Uint8Array(32).fill(1) });
  expect(statementCheck(replayed)).toBe('fail');
  const { outcome } = appraise(replayed.claims, { now: Date.now(), policy: { version: 1 } });
  expect(outcome).toBe('refused');
});

test('one GPU shown twice is a failed check', async () => {
  const { claims } = await verified(([first]) => [first as Json, first as Json]);
  expect(claims.checks.find(({ id }) => id === 'nvidia.distinct-devices')?.outcome).toBe('fail');
});

test('a GPU that is none, or forged, refuses the report', async () => {
  await expectRefusal(
    verified(() => 'none'),
    'report/evidence-missing',
    ['nvidia'],
  );
  const forged = verified(([first]) => {
    const entry = first as { readonly evidence: string };
    const bytes = Buffer.from(entry.evidence, 'base64');
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    return [{ ...entry, evidence: bytes.toString('base64') }];
  });
  await expectCode(forged, 'nvidia/signature-invalid');
});
