/** Evidence that cannot be told shows what was good: its signatures, and the parts that were verified before. */

import { FAKE_NOW, fakeDcap, fakeEvidence, redpillKey, redpillReport } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { AttestationError } from '../errors.ts';
import { verify } from '../verify.ts';
import { pass } from './check.ts';
import { after, checksBefore, withChecksBefore } from './checks-before.ts';

const [one, two] = [pass('a.one', 'x'), pass('b.two', 'x')];
const fault = new AttestationError('endorsements/expired', 'expected x, got y; do z', { details: { got: 'y' } });
const forged = new AttestationError('snp/signature-invalid', 'expected x, got y; do z');

describe('an error', () => {
  test('keeps its code, words and details beside the checks', () => {
    const error = withChecksBefore(fault, [one]) as AttestationError;
    expect(error).toMatchObject({ code: fault.code, message: fault.message, details: { got: 'y' } });
    expect(checksBefore(error)).toEqual([one]);
  });

  test('of a part has the checks of earlier parts in front, and its own under its name', () => {
    const part = withChecksBefore(fault, [two]);
    expect(checksBefore(withChecksBefore(part, [one], 'gpu-1/')).map(({ id }) => id)).toEqual(['a.one', 'gpu-1/b.two']);
  });

  test('of another kind stays as it is: nothing forged is shown as good', async () => {
    const other = new TypeError('a fault of ours');
    for (const each of [other, forged]) expect(withChecksBefore(each, [one])).toBe(each);
    expect(checksBefore(other)).toEqual([]);
    await expect(after([one], () => Promise.reject(other))).rejects.toBe(other);
  });

  test('that does not come leaves nothing behind', async () => expect(await after([one], () => 7)).toBe(7));
});

describe('stale or foreign collateral', () => {
  const passed = (checks: readonly { id: string; outcome: string }[]): readonly string[] =>
    checks.filter(({ outcome }) => outcome === 'pass').map(({ id }) => id);
  const QUOTE = ['dcap.pck-chain', 'dcap.qe-report-signature', 'dcap.attestation-key', 'dcap.quote-signature'];

  test.each(['tdx', 'sgx'] as const)('of a quote for %s: the quote is shown as signed', async (tee) => {
    const sound = await fakeDcap({ tee });
    const old = await fakeDcap({ tee, pckCrl: { nextUpdate: Date.UTC(2026, 5, 1) } });
    for (const { quote, endorsements, anchors, now } of [{ ...sound, endorsements: [] }, old]) {
      const result = await verify(quote, { now, endorsements, trust: { roots: anchors } });
      expect(result.outcome).toBe('unavailable');
      expect(passed(result.checks)).toEqual(QUOTE);
      expect(result.checks.at(-1)).toMatchObject({ outcome: 'fail', id: result.error?.code.replace('/', '.') });
    }
  });

  test('of the second of two nodes: the first is shown whole', async () => {
    const asked = { nonce: new Uint8Array(32).fill(1), model: 'm', now: FAKE_NOW, lie: null, textMembers: false } as const;
    const options = { ...asked, tlsFingerprint: null, key: await redpillKey('ecdsa'), shape: 'two-layer', gpu: true } as const;
    const { document, endorsements, anchors } = await redpillReport(options);
    const broken = { kind: 'rim', xml: new TextEncoder().encode('<broken') } as const;
    const result = await verify(new TextEncoder().encode(JSON.stringify(document)), {
      ...{ now: FAKE_NOW, trust: { roots: anchors } },
      endorsements: [...endorsements, broken],
    });
    expect(result.outcome).toBe('unavailable');
    expect(passed(result.checks)).toEqual(
      expect.arrayContaining(['gateway/dcap.quote-signature', 'model/dcap.quote-signature']),
    );
  });

  test('no kind of evidence is shown as good in part when it is forged', async () => {
    for (const { name, file, options } of await fakeEvidence()) {
      const { checks, outcome } = await verify(file, { ...options, now: FAKE_NOW, trust: {} });
      if (outcome === 'not-authentic') expect(passed(checks), name).toEqual([]);
    }
  });
});
