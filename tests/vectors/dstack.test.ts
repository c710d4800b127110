/** Genuine dstack evidence: quotes with event logs, versioned attestations, and two logs that were changed. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { AttestationError, collectEndorsements, type Endorsements, verify, verifyEvidence } from '@assay/attestation';
import { vectorsDirectory } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { casesOf, endorsementsOf, haveVectors, vectorBytes } from './vectors.ts';

const cases = casesOf('dstack');

/** Genuine collateral for a platform family, of every date there is. */
function collateralFor(fmspc: string): readonly { readonly name: string; readonly endorsements: Endorsements }[] {
  const directory = vectorsDirectory();
  if (directory === null) return [];
  return readdirSync(join(directory, 'tdx/collateral'))
    .filter((name) => name.includes(fmspc))
    .map((name) => ({ name, endorsements: collectEndorsements([{ name, bytes: vectorBytes(`tdx/collateral/${name}`) }]) }));
}

/** An instant at which this collateral is in force: the middle of its TCB info's window. */
function inForce(endorsements: Endorsements): number {
  const tcb = endorsements.find(({ kind }) => kind === 'tcb-info');
  if (tcb?.kind !== 'tcb-info') throw new Error('expected a TCB info');
  const { issueDate, nextUpdate } = JSON.parse(new TextDecoder().decode(tcb.body));
  return (Date.parse(issueDate) + Date.parse(nextUpdate)) / 2;
}

describe.runIf(haveVectors)('genuine dstack evidence', () => {
  test('is all there', () => expect(cases).toHaveLength(5));

  test('a quote with its event log beside it', async () => {
    const found = cases.find(({ id }) => id === 'dstack-near-mpc');
    if (found === undefined) return expect.unreachable('expected the case');
    const options = { now: Date.parse(found.at), endorsements: endorsementsOf(found.companions) };
    const { outcome, claims, checks } = await verify(vectorBytes(found.evidence), options);
    expect(outcome).toBe('accepted');
    expect(claims?.type).toBe('dstack');
    expect(claims?.bindings.reportData).toBe(found.expect.report_data);
    expect(claims?.measurements).toMatchObject({
      mrtd: found.expect.mrtd,
      'compose-hash': found.expect.compose_hash_event,
      mrconfigid: found.expect.mr_config_id,
    });
    for (const id of [
      'dstack.rtmr0',
      'dstack.rtmr1',
      'dstack.rtmr2',
      'dstack.rtmr3',
      'dstack.config-id',
      'dstack.compose-hash',
    ]) {
      expect(checks.find((check) => check.id === id)?.outcome, id).toBe('pass');
    }
  });

  test.each(cases.filter((each) => /quote-valid/.test(each.expect.verdict)).map((each) => [each.id, each] as const))(
    '%s',
    async (_, { evidence, expect: wanted }) => {
      const verdicts = [];
      for (const { endorsements } of collateralFor(wanted.fmspc)) {
        const claims = await verifyEvidence(vectorBytes(evidence), { now: inForce(endorsements), endorsements }).catch(
          (error: unknown) => error,
        );
        if (AttestationError.is(claims)) continue; // collateral of the other PCK CA, or of another date than the certificates
        verdicts.push(claims);
      }
      expect(verdicts.length).toBeGreaterThan(0);
      for (const claims of verdicts) {
        expect(claims).toMatchObject({
          type: 'dstack',
          measurements: { mrtd: wanted.mrtd, 'compose-hash': wanted.compose_hash_event },
          bindings: { reportData: wanted.report_data },
          identity: { ppid: wanted.ppid },
        });
      }
    },
  );

  test.each([
    ['dstack-eventlog-compose-swapped', 'dstack/event-digest-mismatch'],
    ['dstack-eventlog-dropped-event', 'dstack/register-mismatch'],
  ])('%s is refused as %s', async (id, code) => {
    const found = cases.find((each) => each.id === id);
    if (found === undefined) return expect.unreachable('expected the case');
    const codes = new Set<string | undefined>();
    for (const { endorsements } of collateralFor('90c06f000000')) {
      const { outcome, error } = await verify(vectorBytes(found.evidence), { now: inForce(endorsements), endorsements });
      expect(outcome).toBe('not-authentic');
      codes.add(error?.code);
    }
    expect([...codes]).toContain(code);
  });

  test('a versioned attestation over Nitro', async () => {
    const claims = await verifyEvidence(vectorBytes('dstack/dstack-nitro-versioned.bin'), {
      now: Date.UTC(2025, 11, 25, 16, 5),
    }).catch((error: unknown) => error);
    expect(claims).toMatchObject({ type: 'dstack' });
  });

  test.each(['dstack/dstack-tdx-lite-attestation.json', 'dstack/dstack-guest-agent-attestation.bin'])(
    '%s is read and asks for collateral',
    async (path) => {
      const { outcome, type, error } = await verify(vectorBytes(path), { now: Date.UTC(2026, 4, 1) });
      expect([outcome, type, error?.code]).toEqual(['unavailable', 'dstack', 'dcap/collateral-missing']);
    },
  );

  test.each(['snp/envelopes/dstack-sev_snp_attestation.bin', 'snp/envelopes/dstack-sev-snp-attestation.json'])(
    '%s is read',
    async (path) => {
      const { type, outcome } = await verify(vectorBytes(path), { now: Date.UTC(2026, 4, 1) });
      expect(type).toBe('dstack');
      expect(outcome).not.toBe('malformed');
    },
  );
});
