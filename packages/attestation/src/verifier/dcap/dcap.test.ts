/** DCAP quotes under a fake Intel root, one defect each (Intel DCAP QVL, specification items 4.1.2.5 to 4.1.2.9). */

import { concatBytes } from '@assay/encoding/bytes';
import {
  DCAP_QUOTE_DEFECTS,
  defectOptions,
  expectCode,
  type FakeDcap,
  type FakeDcapOptions,
  fakeDcap,
  fakeInstant,
  fakeSgxExtension,
} from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { VerificationCache } from '../../certificates/verification-cache.ts';
import type { NamedClaims } from '../../model/claims.ts';
import type { Endorsement } from '../../model/endorsements.ts';
import { sgxVerifier } from './sgx.ts';
import { tdxVerifier } from './tdx.ts';

/** Shared, so that whatever is remembered is remembered. */
const cache = new VerificationCache();

async function verify(fake: FakeDcap, overrides: Partial<FakeDcap> = {}): Promise<NamedClaims> {
  const { quote, endorsements, anchors, now } = { ...fake, ...overrides };
  for (const verifier of [sgxVerifier, tdxVerifier]) {
    const evidence = verifier.recognise(quote);
    if (evidence !== null) return verifier.verify(evidence, { now, endorsements, trust: { roots: anchors }, cache });
  }
  throw new Error('expected a quote that a verifier recognises');
}

const sound: readonly [string, FakeDcapOptions][] = [
  ['SGX, version 3', { tee: 'sgx', version: 3 }],
  ['SGX, version 4', { tee: 'sgx', version: 4 }],
  ['SGX, version 5', { tee: 'sgx', version: 5 }],
  ['TDX 1.0, version 4', { version: 4 }],
  ['TDX 1.0, version 5', { version: 5, tdReport: '1.0' }],
  ['TDX 1.5, version 5', { version: 5, tdReport: '1.5' }],
  ['TDX 1.5 extended, version 5', { version: 5, tdReport: '1.5-ex' }],
];

describe('a sound quote', () => {
  test.each(sound)('%s is authentic and up to date', async (_, options) => {
    const fake = await fakeDcap(options);
    const claims = await verify(fake);
    expect(claims.type).toBe(options.tee ?? 'tdx');
    expect(claims.simulated).toBe(true);
    expect(claims.debug).toBe(false);
    expect(claims.tcb).toEqual({ status: 'UpToDate', advisories: [], date: '2026-01-01T00:00:00Z', evaluationNumber: 17 });
    expect(claims.bindings.reportData).toBe('da'.repeat(64));
    expect(claims.identity).toMatchObject({
      fmspc: '90c06f000000',
      ppid: '99'.repeat(16),
      'pce-svn': '13',
      'pck-ca': 'platform',
    });
    expect(claims.measurements[options.tee === 'sgx' ? 'mrenclave' : 'mrtd']).toMatch(/^(e1){32}$|^(7d){48}$/);
    expect(claims.checks.filter(({ outcome }) => outcome !== 'pass')).toEqual([]);
    expect(claims.validity.notBefore).toBeLessThan(fake.now);
    expect(claims.validity.notAfter).toBeGreaterThan(fake.now);
  });

  test('names every register of a TD', async () => {
    const { measurements } = await verify(await fakeDcap({ version: 5, tdReport: '1.5' }));
    expect(measurements).toMatchObject({ rtmr0: 'a0'.repeat(48), rtmr3: 'a3'.repeat(48), mrseam: '5e'.repeat(48) });
    expect(measurements.mrservicetd).toBe('00'.repeat(48));
  });

  test('may be followed by zeros', async () => {
    const fake = await fakeDcap();
    const claims = await verify(fake, { quote: concatBytes(fake.quote, new Uint8Array(70)) });
    expect(claims.details).toMatchObject({ paddingBytes: 70 });
    expect(claims.checks).toContainEqual(expect.objectContaining({ id: 'dcap.padding', outcome: 'pass' }));
  });

  test.each<[string, FakeDcapOptions]>([
    ['root before its CA', { chain: (pck, ca, root) => [pck, root, ca] }],
    ['root first', { chain: (pck, ca, root) => [root, ca, pck] }],
  ])('may carry its chain in another order: %s', async (_, options) => {
    expect((await verify(await fakeDcap(options))).tcb?.status).toBe('UpToDate');
  });

  test('is not authentic under the vendor root alone', async () => {
    await expectCode(verify(await fakeDcap(), { anchors: [] }), 'certificate/root-not-trusted');
  });

  test('finds its pieces in any order, beside older and foreign ones', async () => {
    const older = await fakeDcap({
      tcbInfo: (info) => Object.assign(info, { tcbEvaluationDataNumber: 3, issueDate: fakeInstant(-0.5) }),
    });
    const foreign = await fakeDcap({ tcbInfo: (info) => Object.assign(info, { fmspc: '00606a000000' }) });
    const sgx = await fakeDcap({ tee: 'sgx' });
    const fake = await fakeDcap();
    const endorsements = [...older.endorsements, ...foreign.endorsements, ...sgx.endorsements, ...fake.endorsements].reverse();
    expect((await verify(fake, { endorsements })).tcb).toMatchObject({ status: 'UpToDate', evaluationNumber: 17 });
  });

  test('finds the TCB signing certificate among loose certificates', async () => {
    const fake = await fakeDcap({
      endorsements: (pieces) =>
        pieces.flatMap((piece): Endorsement[] =>
          'issuerChain' in piece
            ? [{ ...piece, issuerChain: [] }, ...piece.issuerChain.map((der) => ({ kind: 'certificate', der }) as const)]
            : [piece],
        ),
    });
    expect((await verify(fake)).tcb?.status).toBe('UpToDate');
  });

  test('keeps its dates: a result of one instant does not hold at another', async () => {
    const fake = await fakeDcap();
    await verify(fake);
    await expectCode(verify(fake, { now: fake.now + 3 * 86_400_000 }), 'certificate/expired');
    await expectCode(verify(fake, { now: fake.now - 3 * 86_400_000 }), 'certificate/not-yet-valid');
  });
});

const authentic: readonly [string, string, FakeDcapOptions][] = [
  ['debug enclave', 'sgx', { tee: 'sgx', body: (body) => body.set([0x17], 48) }],
  ['TD under debug', 'tdx', { body: (body) => body.set([0x01], 120) }],
  ['TD with performance profiling', 'tdx', { body: (body) => body.set([0x20], 120) }],
];

test.each(authentic)('%s is a claim, not an error', async (_, __, options) => {
  expect((await verify(await fakeDcap(options))).debug).toBe(true);
});

const failing: readonly [string, string, FakeDcapOptions][] = [
  ['a reserved TD attribute', 'tdx.reserved-attributes', { body: (body) => body.set([0x80], 121) }],
  ['a reserved SGX attribute', 'sgx.reserved-attributes', { tee: 'sgx', body: (body) => body.set([0x80], 49) }],
  ['a bound service TD', 'tdx.service-td', { version: 5, tdReport: '1.5', body: (body) => body.set([1], 600) }],
  [
    'a platform below every level',
    'dcap.tcb-level',
    { sgxExtension: fakeSgxExtension({ components: new Array<number>(16).fill(0) }) },
  ],
];

test.each(failing)('%s fails the check %s', async (_, id, options) => {
  const { checks } = await verify(await fakeDcap(options));
  expect(checks.filter(({ outcome }) => outcome === 'fail').map((check) => check.id)).toEqual([id]);
});

describe('a spoilt quote', () => {
  test.each(DCAP_QUOTE_DEFECTS.map((defect) => [defect[0], defect[1], defect] as const))('%s: %s', async (_, code, defect) => {
    const fake = await fakeDcap(await defectOptions(defect));
    await expectCode(() => verify(fake), code);
  });

  test.each<[string, FakeDcapOptions]>([
    ['out of date', { root: { notAfter: Date.UTC(2026, 5, 14, 18) } }],
    ['whose signature is broken', { root: { breakSignature: true } }],
  ])('another certificate of the pinned root key, %s: dcap/pck-chain-invalid', async (_, options) => {
    const { anchors } = await fakeDcap();
    await expectCode(verify(await fakeDcap(options), { anchors }), 'dcap/pck-chain-invalid');
  });

  test('another certificate of the pinned root key that is sound is as good', async () => {
    const { anchors } = await fakeDcap();
    const fake = await fakeDcap({ root: { serial: Uint8Array.of(0x77) } });
    expect((await verify(fake, { anchors })).tcb?.status).toBe('UpToDate');
  });

  test('every truncation is malformed', async () => {
    const { quote } = await fakeDcap();
    for (let length = 48; length < quote.length; length += length < 1400 ? 7 : 97) {
      await expectCode(() => tdxVerifier.recognise(quote.subarray(0, length)), 'dcap/quote-malformed');
    }
  });

  test('anything but zeros after the quote is malformed', async () => {
    const { quote } = await fakeDcap();
    await expectCode(() => tdxVerifier.recognise(concatBytes(quote, Uint8Array.of(0, 0, 1))), 'dcap/quote-malformed');
  });

  test('one byte too many inside the signature data is malformed', async () => {
    const { quote } = await fakeDcap();
    const longer = concatBytes(quote, Uint8Array.of(0));
    new DataView(longer.buffer).setUint32(632, new DataView(quote.buffer).getUint32(632, true) + 1, true);
    await expectCode(() => tdxVerifier.recognise(longer), 'dcap/quote-malformed');
  });
});

describe('every one-bit flip', () => {
  test.each(sound)('of what %s signs is refused', async (_, options) => {
    const fake = await fakeDcap(options);
    await verify(fake); // so that everything that is remembered was remembered
    const { quote } = fake;
    const pem = Buffer.from(quote).indexOf('-----BEGIN');
    for (let position = 0; position < quote.length; position += position < 48 ? 1 : 61) {
      // Line ends and the NUL around the PEM blocks carry nothing that is signed.
      if (position > pem && (quote[position] === 0x0a || position === quote.length - 1)) continue;
      const flipped = quote.slice();
      flipped[position] = (flipped[position] ?? 0) ^ (1 << (position & 7));
      await expect(async () => verify(fake, { quote: flipped }), `byte ${position}`).rejects.toThrow();
    }
  });

  test.each(['tcb-info', 'enclave-identity', 'crl'] as const)('of %s is refused', async (kind) => {
    const fake = await fakeDcap();
    await verify(fake);
    const index = fake.endorsements.findIndex((piece) => piece.kind === kind);
    const piece = fake.endorsements[index];
    const bytes =
      piece !== undefined && 'body' in piece
        ? piece.body
        : piece !== undefined && 'der' in piece
          ? piece.der
          : new Uint8Array();
    for (let position = 0; position < bytes.length; position += 13) {
      const flipped = bytes.slice();
      flipped[position] = (flipped[position] ?? 0) ^ (1 << (position & 7));
      const spoilt = piece?.kind === 'crl' ? { ...piece, der: flipped } : { ...piece, body: flipped };
      const endorsements = fake.endorsements.toSpliced(index, 1, spoilt as typeof piece & object);
      await expect(async () => verify(fake, { endorsements }), `byte ${position}`).rejects.toThrow();
    }
  });
});
