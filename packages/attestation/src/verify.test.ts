/** The evidence road in one call: no error of the evidence is thrown away, and none becomes an acceptance. */

import { EncodingError } from '@assay/encoding/errors';
import { expectAdvice, fakeDcap } from '@assay/testing';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { createVerifier } from './create-verifier.ts';
import { AttestationError } from './errors.ts';
import { pass } from './model/check.ts';
import { withChecksBefore } from './model/checks-before.ts';
import type { TeeVerifier } from './model/verification.ts';
import { tdxVerifier } from './verifier/dcap/tdx.ts';
import { mint } from './verifier/mint.ts';
import { recogniseEvidence, verify, verifyEvidence } from './verify.ts';

/** A TEE whose evidence is the word it begins with, and what it claims the rest. */
const fake: TeeVerifier = {
  type: 'vendor-commitment',
  recognise(bytes) {
    const text = new TextDecoder().decode(bytes);
    if (!text.startsWith('fake')) return null;
    if (text === 'fake') throw new AttestationError('evidence/malformed', 'expected more, got nothing');
    if (text === 'fake encoding') throw new EncodingError('cbor/malformed', 'expected a map, got text');
    return { type: 'vendor-commitment', value: text.slice(5) };
  },
  async verify({ value }, { now }) {
    if (value === 'broken') throw new TypeError('a bug');
    if (value === 'late') {
      const late = new AttestationError('endorsements/expired', 'expected a list in force, got an old one');
      throw withChecksBefore(late, [pass('fake.signature', 'x')]);
    }
    if (value !== 'good' && value !== 'debug') throw new AttestationError('trust/not-a-root', 'stands for misuse');
    return mint({
      type: 'vendor-commitment',
      simulated: false,
      debug: value === 'debug',
      measurements: {},
      bindings: { reportData: null, nonce: null, userData: null, publicKey: null },
      identity: {},
      tcb: null,
      issuedAt: now,
      validity: { notBefore: 0, notAfter: now },
      root: '00'.repeat(32),
      checks: [],
      submodules: {},
      details: {},
    } as never);
  },
};

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const options = { now: 1_000_000, verifiers: [fake] };

describe('verify', () => {
  it.each([
    ['something else', 'malformed', null, 'evidence/unrecognised'],
    ['', 'malformed', null, 'evidence/unrecognised'],
    ['fake', 'malformed', 'vendor-commitment', 'evidence/malformed'],
    ['fake encoding', 'malformed', 'vendor-commitment', 'cbor/malformed'],
    ['fake debug', 'refused', 'vendor-commitment', 'policy/refused'],
    ['fake good', 'accepted', 'vendor-commitment', undefined],
  ] as const)('%j is %s', async (text, outcome, type, code) => {
    const result = await verify(bytes(text), options);
    expect(result).toMatchObject({ outcome, type });
    expect(result.error?.code).toBe(code);
    expect(result.claims === undefined).toBe(outcome !== 'accepted' && outcome !== 'refused');
    expect(result.checks.length > 0 && result.checks.some(({ outcome }) => outcome === 'fail')).toBe(outcome !== 'accepted');
  });

  it('shows what was good before the fault', async () => {
    const { outcome, checks } = await verify(bytes('fake late'), options);
    expect(outcome).toBe('unavailable');
    expect(checks.map((check) => `${check.id} ${check.outcome}`)).toEqual(['fake.signature pass', 'endorsements.expired fail']);
  });

  it('throws what is no fault of the evidence', async () => {
    await expect(verify(bytes('fake broken'), options)).rejects.toThrow('a bug');
    await expect(verify(bytes('fake misuse'), options)).rejects.toThrow(/misuse/);
  });
});

describe('recogniseEvidence and verifyEvidence', () => {
  it('give the steps one by one', async () => {
    expect(recogniseEvidence(bytes('fake good'), [fake]).value).toBe('good');
    expect((await verifyEvidence(bytes('fake good'), options)).issuedAt).toBe(1_000_000);
    await expect(verifyEvidence(bytes('x'), options)).rejects.toMatchObject({ code: 'evidence/unrecognised' });
  });
});

describe('results narrow', () => {
  it('by outcome, then by type, so that nothing is cast', async () => {
    const fake = await fakeDcap();
    const trust = { simulatedRoot: fake.root.der };
    const result = await verify(fake.quote, { now: fake.now, endorsements: fake.endorsements, trust });
    if (result.outcome !== 'accepted') throw result.error;
    if (result.claims.type !== 'tdx') return expect.unreachable('expected a tdx quote');
    expectTypeOf(result.claims.measurements.mrtd).toEqualTypeOf<string>();
    expect(result.claims.measurements.mrtd).toMatch(/^[0-9a-f]{96}$/);
    expect(result.claims.simulated).toBe(true);
  });

  it('to one TEE without a test, where one verifier is asked', async () => {
    const fake = await fakeDcap();
    const verifier = createVerifier({ trust: { roots: fake.anchors }, verifiers: [tdxVerifier] });
    const evidence = verifier.recognise(fake.quote);
    const claims = await verifier.authenticate(evidence, { now: fake.now, endorsements: fake.endorsements });
    expectTypeOf(claims.measurements.rtmr3).toEqualTypeOf<string>();
    expectTypeOf(claims.details.tdAttributes.septVeDisable).toEqualTypeOf<boolean>();
    const result = await verifier.verify(evidence, { now: fake.now, endorsements: fake.endorsements });
    expect(result.claims).toEqual(claims);
  });

  it('to the codes of each outcome', async () => {
    const result = await verify(bytes('fake'), options);
    if (result.outcome !== 'malformed') return expect.unreachable('expected a malformed result');
    expectTypeOf<'certificate/revoked'>().not.toExtend<typeof result.error.code>();
    expectTypeOf<'dcap/quote-malformed'>().toExtend<typeof result.error.code>();
    expect(result.error).toBeInstanceOf(Error);
    const refused = await verify(bytes('fake debug'), options);
    if (refused.outcome !== 'refused') return expect.unreachable('expected a refusal');
    expectAdvice(refused.error.message, ['policy.debug']);
    expect(refused.error.details.failed).toMatchObject([{ id: 'policy.debug' }]);
  });
});
