/** TCB levels and how standings merge (Intel DCAP QVL, specification items 4.1.2.5.18 to .20). */

import { expectCode, FAKE_TEE_TCB_SVN, type FakeDcapOptions, fakeDcap, fakeSgxExtension } from '@assay/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SvnLevel, TcbInfo } from '../../evidence/dcap/tcb-info.ts';
import { MODULE_TCB_STATUSES, PLATFORM_TCB_STATUSES, parseTcbInfo } from '../../evidence/dcap/tcb-info.ts';
import { adviseRelaunch, evaluateTcb, mergeStatuses, type TcbEvaluation, type TcbStatus } from './tcb-level.ts';
import { tdxVerifier } from './tdx.ts';

async function standing(options: FakeDcapOptions) {
  const { quote, endorsements, anchors, now } = await fakeDcap(options);
  const evidence = tdxVerifier.recognise(quote);
  if (evidence === null) throw new Error('expected a TDX quote');
  return (await tdxVerifier.verify(evidence, { now, endorsements, trust: { roots: anchors } })).tcb;
}

const svns = (...first: readonly number[]): Uint8Array => Uint8Array.of(...first, ...FAKE_TEE_TCB_SVN.slice(first.length));
const launchedUnder = (launch: Uint8Array, current: Uint8Array): FakeDcapOptions => ({
  version: 5,
  tdReport: '1.5',
  body: (body) => {
    body.set(launch, 0);
    body.set(current, 584);
  },
});

describe('a TD', () => {
  test.each<[string, FakeDcapOptions, string, readonly string[]]>([
    ['with every part current', {}, 'UpToDate', []],
    [
      'with an old platform',
      { sgxExtension: fakeSgxExtension({ pceSvn: 5 }) },
      'OutOfDate',
      ['INTEL-SA-00001', 'INTEL-SA-00002'],
    ],
    ['with an old quoting enclave', { qeReport: (report) => report.set([4], 258) }, 'OutOfDate', ['INTEL-SA-00004']],
    ['with a quoting enclave below every level', { qeReport: (report) => report.set([3], 258) }, 'TcbNotSupported', []],
    ['with an old TDX module', { body: (body) => body.set(svns(2), 0) }, 'OutOfDate', ['INTEL-SA-00003']],
    ['with a TDX module below every level', { body: (body) => body.set(svns(1), 0) }, 'TcbNotSupported', []],
    [
      'with an old platform, quoting enclave and module',
      {
        sgxExtension: fakeSgxExtension({ pceSvn: 5 }),
        qeReport: (report) => report.set([4], 258),
        body: (body) => body.set(svns(2), 0),
      },
      'OutOfDate',
      ['INTEL-SA-00001', 'INTEL-SA-00002', 'INTEL-SA-00003', 'INTEL-SA-00004'],
    ],
    [
      'with one old TDX component',
      { body: (body) => body.set(svns(5, 3, 1), 0) },
      'OutOfDate',
      ['INTEL-SA-00001', 'INTEL-SA-00002'],
    ],
    [
      'with one old SGX component, the last',
      { sgxExtension: fakeSgxExtension({ components: [...new Array<number>(15).fill(9), 1] }) },
      'OutOfDate',
      ['INTEL-SA-00001', 'INTEL-SA-00002'],
    ],
    ['of the first module generation, which levels verify whole', { body: (body) => body.set(svns(5, 0), 0) }, 'UpToDate', []],
    [
      'of the first module generation, old',
      { body: (body) => body.set(svns(4, 0), 0) },
      'OutOfDate',
      ['INTEL-SA-00001', 'INTEL-SA-00002'],
    ],
    [
      'launched under an old module that was updated since',
      launchedUnder(svns(2, 3), svns(5, 3)),
      'TDRelaunchAdvised',
      ['INTEL-SA-00003'],
    ],
    ['launched under a module that is still old', launchedUnder(svns(2, 3), svns(2, 3)), 'OutOfDate', ['INTEL-SA-00003']],
    ['launched under a current module', launchedUnder(svns(5, 3), svns(6, 3)), 'UpToDate', []],
    ['whose current module is not listed', launchedUnder(svns(5, 3), svns(5, 9)), 'TcbNotSupported', []],
  ])('%s', async (_, options, status, advisories) => {
    expect(await standing(options)).toMatchObject({ status, advisories });
  });

  test('takes the oldest date of its parts', async () => {
    expect(await standing({ body: (body) => body.set(svns(2), 0) })).toMatchObject({ date: '2024-06-01T00:00:00Z' });
    expect(await standing({ qeReport: (report) => report.set([4], 258) })).toMatchObject({ date: '2023-01-01T00:00:00Z' });
  });

  test('relaunch with configuration needed', async () => {
    const tcb = await standing({
      ...launchedUnder(svns(2, 3), svns(5, 3)),
      tcbInfo: (info) => Object.assign(info.tcbLevels[0], { tcbStatus: 'ConfigurationAndSWHardeningNeeded' }),
    });
    expect(tcb?.status).toBe('TDRelaunchAdvisedConfigurationNeeded');
  });

  test('whose current module is revoked is revoked, whatever the launch', async () => {
    const options: FakeDcapOptions = {
      ...launchedUnder(svns(5, 3), svns(2, 3)),
      tcbInfo: (info) => Object.assign(info.tdxModuleIdentities[0].tcbLevels[1], { tcbStatus: 'Revoked' }),
    };
    await expectCode(standing(options), 'dcap/tcb-revoked');
  });
});

describe('merging', () => {
  test.each<[(typeof PLATFORM_TCB_STATUSES)[number], (typeof PLATFORM_TCB_STATUSES)[number]]>([
    ['UpToDate', 'OutOfDate'],
    ['SWHardeningNeeded', 'OutOfDate'],
    ['ConfigurationNeeded', 'OutOfDateConfigurationNeeded'],
    ['ConfigurationAndSWHardeningNeeded', 'OutOfDateConfigurationNeeded'],
    ['OutOfDate', 'OutOfDate'],
    ['OutOfDateConfigurationNeeded', 'OutOfDateConfigurationNeeded'],
    ['Revoked', 'Revoked'],
  ])('%s with a component out of date is %s', (platform, merged) => {
    expect(mergeStatuses(platform, ['UpToDate', 'OutOfDate'])).toBe(merged);
    expect(mergeStatuses(platform, ['OutOfDate', 'UpToDate'])).toBe(merged);
  });

  test('a revoked part revokes all, and current parts change nothing', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...PLATFORM_TCB_STATUSES),
        fc.array(fc.constantFrom(...MODULE_TCB_STATUSES)),
        (platform, parts) => {
          const merged = mergeStatuses(platform, parts);
          if (parts.includes('Revoked') || platform === 'Revoked') expect(merged).toBe('Revoked');
          if (parts.every((part) => part === 'UpToDate')) expect(merged).toBe(platform);
          if (merged === 'UpToDate') expect([platform, ...parts].every((status) => status === 'UpToDate')).toBe(true);
        },
      ),
    );
  });

  test('a relaunch is advised only where it cures', () => {
    const statuses: readonly TcbStatus[] = [...PLATFORM_TCB_STATUSES, 'TcbNotSupported'];
    const at = (status: TcbStatus): TcbEvaluation => ({
      status,
      advisories: [],
      date: null,
      platform: null,
      quotingEnclave: null,
      tdxModule: null,
    });
    for (const launch of statuses) {
      for (const current of statuses) {
        const { status } = adviseRelaunch(at(launch), at(current));
        const outdated = launch.startsWith('OutOfDate');
        if (status.startsWith('TDRelaunch')) expect(outdated && !/OutOfDate|Revoked|NotSupported/.test(current)).toBe(true);
        if (status === 'UpToDate') expect(launch).toBe('UpToDate');
        if (launch === 'Revoked' || current === 'Revoked') expect(status === 'Revoked').toBe(true);
      }
    }
  });
});

describe('matching', () => {
  const svn = fc.integer({ min: 0, max: 3 });
  const components = fc.array(svn, { minLength: 16, maxLength: 16 }).map((values) => Uint8Array.from(values));
  const statuses = fc.constantFrom(...PLATFORM_TCB_STATUSES);
  const qeLevels: readonly SvnLevel[] = [{ isvSvn: 0, status: 'UpToDate', date: 0, advisories: [] }];
  const document = (levels: readonly (readonly [Uint8Array, number, string])[]): TcbInfo =>
    parseTcbInfo(
      new TextEncoder().encode(
        JSON.stringify({
          version: 2,
          tcbType: 0,
          issueDate: '2026-01-01T00:00:00Z',
          nextUpdate: '2026-02-01T00:00:00Z',
          fmspc: '00'.repeat(6),
          pceId: '0000',
          tcbEvaluationDataNumber: 1,
          tcbLevels: levels.map(([sgx, pcesvn, tcbStatus]) => ({
            tcb: {
              ...Object.fromEntries([...sgx].map((value, i) => [`sgxtcbcomp${String(i + 1).padStart(2, '0')}svn`, value])),
              pcesvn,
            },
            tcbDate: '2026-01-01T00:00:00Z',
            tcbStatus,
          })),
        }),
      ),
    );

  test('does not depend on the order of the levels in the document', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(components, svn, statuses), {
          minLength: 2,
          maxLength: 6,
          selector: ([sgx, pce]) => `${sgx} ${pce}`,
        }),
        components,
        svn,
        (levels, tcbComponents, pceSvn) => {
          const facts = { pck: { tcbComponents, pceSvn }, qeIsvSvn: 1, teeTcbSvn: null };
          const there = evaluateTcb(facts, document(levels), qeLevels);
          expect(evaluateTcb(facts, document(levels.toReversed()), qeLevels)).toEqual(there);
        },
      ),
    );
  });

  test('every component counts', () => {
    const info = document([[new Uint8Array(16).fill(2), 2, 'UpToDate']]);
    for (let index = 0; index < 16; index++) {
      const tcbComponents = new Uint8Array(16).fill(3);
      tcbComponents[index] = 1;
      expect(evaluateTcb({ pck: { tcbComponents, pceSvn: 9 }, qeIsvSvn: 1, teeTcbSvn: null }, info, qeLevels).status).toBe(
        'TcbNotSupported',
      );
    }
  });
});
