/** NVIDIA's verdict beside a combined report, GPUs of several nodes, nodes of another kind, and the place of a platform; a defect each. */

import { createHash } from 'node:crypto';
import { encodeHex } from '@assay/encoding/hex';
import { expectCode, FAKE_NOW, fakeDcap, fakeDevice, fakeToken, redpillKey, redpillReport } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import type { CombinedReport } from '../../evidence/combined/combined-report.ts';
import { combinedReportOf } from '../../evidence/combined/report.ts';
import type { NamedClaims } from '../../model/claims.ts';
import type { Endorsement } from '../../model/endorsements.ts';
import { verifyCombined } from './combined.ts';
import { placeCheck, proofOfCloud, remoteVerdict } from './companions.ts';

const NONCE = new Uint8Array(32).fill(0x4e);
const ANSWER = encodeHex(NONCE);
const [sound, fake] = await Promise.all([
  redpillKey('ecdsa').then((key) =>
    redpillReport({
      ...{ key, nonce: NONCE, model: 'm', now: FAKE_NOW, lie: null, textMembers: false, tlsFingerprint: null },
      ...{ shape: 'two-layer', gpu: true },
    }),
  ),
  fakeDcap({ tee: 'sgx' }),
]);
const options = { now: FAKE_NOW, endorsements: sound.endorsements, trust: { roots: sound.anchors } };

function report(): CombinedReport {
  const found = combinedReportOf(new TextEncoder().encode(JSON.stringify(sound.document)));
  if (found === null) throw new Error('expected a combined report');
  return found;
}

const failed = (claims: NamedClaims) =>
  [claims, ...Object.values(claims.submodules)].flatMap(({ checks }) =>
    checks.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id),
  );

async function verdictOver(nonce: string): Promise<readonly [Endorsement, Endorsement]> {
  const { file, keySet } = await fakeToken('nras', { eat_nonce: nonce, 'x-nvidia-overall-att-result': true });
  return [{ kind: 'bytes', name: null, bytes: file }, keySet];
}

describe("NVIDIA's verdict", () => {
  test('about these GPUs is part of the report', async () => {
    const endorsements = [...options.endorsements, ...(await verdictOver(ANSWER))];
    const claims = await verifyCombined(report(), { ...options, endorsements });
    expect(claims.checks).toContainEqual(expect.objectContaining({ id: 'combined.nras-nonce', outcome: 'pass' }));
    expect(claims.submodules.nras?.bindings.nonce).toBe(ANSWER);
  });

  test.each<[string, readonly string[], string]>([
    ['about other GPUs', [ANSWER, '00'.repeat(32)], 'combined.nras-nonce fail'],
    ['where there are none', [], 'combined.nras-nonce fail'],
    ['about these', [ANSWER, ANSWER], 'combined.nras-nonce pass'],
  ])('%s', async (_, nonces, wanted) => {
    const { checks } = await remoteVerdict(nonces, { now: FAKE_NOW, endorsements: await verdictOver(ANSWER) });
    expect(checks.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual([wanted]);
  });

  test('without a key for it stays open, and with a forged signature it is refused', async () => {
    const [token, keySet] = await verdictOver(ANSWER);
    const open = await remoteVerdict([ANSWER], { now: FAKE_NOW, endorsements: [token] });
    expect([open.claims, open.checks.map(({ outcome }) => outcome)]).toEqual([null, ['not-checked']]);
    const bytes = token.kind === 'bytes' ? token.bytes.slice() : new Uint8Array(0);
    bytes[bytes.length - 10] = bytes.at(-10) === 0x41 ? 0x42 : 0x41;
    const forged = remoteVerdict([ANSWER], { now: FAKE_NOW, endorsements: [{ kind: 'bytes', name: null, bytes }, keySet] });
    await expectCode(forged, 'token/signature-invalid');
  });
});

describe('a proof of cloud', () => {
  test('that is not signed by its alliance is refused', async () => {
    const quote_hash = createHash('sha256').update(NONCE).digest('hex');
    const { file } = await fakeToken('ear', { iss: undefined, eat_profile: undefined, quote_hash, machine_id: 'aa' });
    const [claims] = Object.values((await verifyCombined(report(), options)).submodules);
    const asked = { ...options, endorsements: [{ kind: 'bytes', name: null, bytes: file } as const] };
    await expect(proofOfCloud(NONCE, claims as NamedClaims, asked)).rejects.toMatchObject({
      code: expect.stringMatching(/^token\//),
    });
  });

  test.each([
    ['aa', 'aa', 'pass'],
    ['AA', 'aa', 'pass'],
    ['bb', 'aa', 'fail'],
    ['bb', undefined, 'fail'],
  ])('of machine %s for platform %s reads %s', (machine, ppid, outcome) => {
    expect(placeCheck(machine, ppid).outcome).toBe(outcome);
  });
});

describe('GPUs', () => {
  test('that answer another nonce than their node fail', async () => {
    const { devices } = report().nodes.find(({ gpus }) => gpus !== null)?.gpus ?? { devices: [] };
    const { entry, anchor } = await fakeDevice({ nonce: new Uint8Array(32).fill(1) });
    const document = structuredClone(sound.document) as { model_attestations: { nvidia_payload: string }[] };
    const [node] = document.model_attestations;
    if (node === undefined) throw new Error('expected a model node');
    node.nvidia_payload = JSON.stringify({ ...JSON.parse(node.nvidia_payload), nonce: entry.nonce, evidence_list: [entry] });
    const found = combinedReportOf(new TextEncoder().encode(JSON.stringify(document)));
    const claims = await verifyCombined(found as CombinedReport, {
      ...options,
      trust: { roots: [...options.trust.roots, anchor] },
    });
    expect(devices).toHaveLength(1);
    expect(failed(claims)).toContain('combined.gpu-nonce');
  });

  test('that stand in two nodes fail', async () => {
    const { nodes, ...rest } = report();
    const gpus = nodes.find((node) => node.gpus !== null)?.gpus ?? null;
    expect(failed(await verifyCombined({ ...rest, nodes: nodes.map((node) => ({ ...node, gpus })) }, options))).toEqual([
      'combined.distinct-devices',
    ]);
  });
});

describe('a node is malformed', () => {
  const nodeWith = (change: object): CombinedReport => {
    const { nodes, ...rest } = report();
    return { ...rest, nodes: nodes.slice(0, 1).map((node) => ({ ...node, ...change })) };
  };
  const [node] = report().nodes;

  test.each([
    ['that says SNP and holds something else', { platform: 'sev-snp', evidence: { ...node?.evidence, evidence: NONCE } }],
    ['that says TDX and holds an SGX quote', { evidence: { ...node?.evidence, evidence: fake.quote, events: null } }],
  ])('%s', async (_, change) => {
    await expectCode(verifyCombined(nodeWith(change), options), 'combined/malformed');
  });
});
