/** Genuine combined reports: every node authentic and bound, the weak one named; GPUs and NVIDIA's verdict where captured. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { collectEndorsements, type Endorsements, type NamedClaims, verify, verifyEvidence } from '@assay/attestation';
import { vectorsDirectory } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { casesOf, haveVectors, vectorBytes } from './vectors.ts';

const cases = casesOf('combined');

function pathsIn(companions: unknown): readonly string[] {
  if (typeof companions === 'string') return [companions];
  return typeof companions === 'object' && companions !== null ? Object.values(companions).flatMap(pathsIn) : [];
}

function endorsementsOf(companions: unknown): Endorsements {
  return collectEndorsements(pathsIn(companions).map((name) => ({ name, bytes: vectorBytes(name) })));
}

/** Collateral of 2026-04-05, in force on the day after: the fixtures came without any. */
function collateralOfApril(): Endorsements {
  const names = readdirSync(join(vectorsDirectory() ?? '', 'tdx/collateral')).filter((name) => name.includes('2026-04-05'));
  return collectEndorsements(names.map((name) => ({ name, bytes: vectorBytes(`tdx/collateral/${name}`) })));
}

const missing = ['combined/near-cloud-20260610/collateral-b0c06f000000.collateral.json'];

function optionsOf({ id, companions, at }: (typeof cases)[number]) {
  const more = id === 'combined-chutes-20260629' ? endorsementsOf(missing) : [];
  const fixtures = companions === undefined ? collateralOfApril() : [];
  return { now: Date.parse(at), endorsements: [...endorsementsOf(companions), ...more, ...fixtures] };
}

const nameOf = (name: string): string => name.replace(/^model0$/, 'model').replace(/^inst(\d)$/, 'instance-$1');

describe.runIf(haveVectors)('genuine combined reports', () => {
  test('are all there', () => expect(cases).toHaveLength(8));

  test.each(cases.map((each) => [each.id, each] as const))('%s', async (id, found) => {
    const { expect: wanted } = found;
    const options = optionsOf(found);
    const claims: NamedClaims = await verifyEvidence(vectorBytes(found.evidence), options);
    expect(claims.type).toBe('combined');
    for (const node of wanted.nodes ?? []) {
      const actual = claims.submodules[nameOf(node.name)];
      expect(actual, node.name).toMatchObject({
        measurements: { mrtd: node.mrtd, ...(node.mr_config_id && { mrconfigid: node.mr_config_id }) },
        bindings: { reportData: node.report_data },
        identity: { fmspc: node.fmspc, ppid: node.ppid },
      });
      if (node.compose_hash_event) expect(actual?.measurements['compose-hash']).toBe(node.compose_hash_event);
      const status = node['@phala/dcap-qvl@0.3.9'];
      if (status) expect(actual?.tcb?.status, node.name).toBe(status);
      const outcomes = Object.fromEntries(actual?.checks.map((check) => [check.id, check.outcome]) ?? []);
      if (node.rtmr_replay_match) expect(outcomes).toMatchObject({ 'dstack.rtmr0': 'pass', 'dstack.rtmr3': 'pass' });
      if (node.mrconfigid_binds_compose) expect(outcomes['dstack.config-id']).toBe('pass');
    }
    if (wanted.report_data) expect(claims.bindings.reportData).toBe(wanted.report_data);
    const gpus = [wanted.gpu ?? wanted.gpu_model0 ?? []].flat();
    for (const [index, gpu] of gpus.entries()) {
      const node = claims.submodules[gpus.length > 1 ? `instance-${index}` : 'model'];
      expect(Object.keys(node?.submodules ?? {})).toHaveLength(gpu.gpu_count);
      expect(node?.submodules['gpu-0']?.bindings.nonce).toBe(gpu.nonces[0]);
      expect(node?.submodules['gpu-7']?.identity['driver-version']).toBe(gpu.drivers[0]);
    }
    if (wanted.nras) expect(claims.submodules.nras?.bindings.nonce).toBe(wanted.nras.eat_nonce);

    const { outcome, checks } = await verify(vectorBytes(found.evidence), options);
    const failed = checks.filter((check) => check.outcome === 'fail').map((check) => check.id);
    if (/reject/.test(wanted.verdict)) {
      expect(failed).toEqual(expect.arrayContaining(['nras/token.overall-result', 'combined.nras-nonce']));
    } else if (/TCB not UpToDate: gateway/.test(wanted.verdict)) {
      expect(failed).toEqual(['gateway/policy.tcb-status']);
    } else {
      expect(failed.filter((check) => !check.endsWith('policy.tcb-status'))).toEqual([]);
      if (!/fixture/.test(id)) expect(outcome).toBe('accepted');
    }
  });

  test('a node with the collateral of another platform leaves the whole unproved', async () => {
    const found = cases.find(({ id }) => id === 'combined-chutes-20260629');
    const { outcome, error } = await verify(vectorBytes(found?.evidence ?? ''), {
      now: Date.parse(found?.at ?? ''),
      endorsements: endorsementsOf(found?.companions),
    });
    expect([outcome, error?.code]).toEqual(['unavailable', 'dcap/tcb-info-mismatch']);
  });

  test('the nonce is answered, another one is not, and edited addresses and keys are refused', async () => {
    const found = cases.find(({ id }) => id === 'combined-venice-20260610');
    if (found === undefined) return expect.unreachable('expected the case');
    const options = optionsOf(found);
    const bytes = vectorBytes(found.evidence);
    expect((await verify(bytes, { ...options, expected: { nonce: found.expect.nonce } })).outcome).toBe('accepted');
    expect((await verify(bytes, { ...options, expected: { nonce: '00'.repeat(32) } })).outcome).toBe('refused');
    const report = JSON.parse(new TextDecoder().decode(bytes));
    const verified = (change: object) => verify(new TextEncoder().encode(JSON.stringify({ ...report, ...change })), options);
    expect((await verified({ signing_address: `0x${'11'.repeat(20)}` })).error?.code).toBe('combined/key-unbound');
    expect((await verified({ signing_public_key: '22'.repeat(64) })).error?.code).toBe('combined/public-key-mismatch');
    expect((await verified({ request_nonce: '33'.repeat(32) })).outcome).toBe('refused');
    const other = casesOf('combined').find(({ id }) => id === 'combined-near-direct-20260629');
    const { nvidia_payload } = JSON.parse(new TextDecoder().decode(vectorBytes(other?.evidence ?? '')));
    const spliced = await verified({ nvidia_payload });
    expect(spliced.checks.filter((check) => check.outcome === 'fail').map((check) => check.id)).toContain(
      'model/combined.gpu-nonce',
    );
  });
});
