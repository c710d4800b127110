/** What a verifier remembers of platforms and collateral saves signature checks, and lets nothing pass that would not pass without it. Flips of the quote: dcap.test.ts. */

import nodeCrypto from 'node:crypto';
import { FAKE_NOW, type FakeDcap, fakeDcap } from '@assay/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { VerificationCache } from '../../certificates/verification-cache.ts';
import { createVerifier, type Verifier } from '../../create-verifier.ts';
import type { Endorsements } from '../../model/endorsements.ts';
import type { TrustAnchor } from '../../model/verification.ts';
import { tdxVerifier } from './tdx.ts';

const DAY = 86_400_000;

function verifierOf(roots: readonly TrustAnchor[], cache?: VerificationCache) {
  return createVerifier({ trust: { roots }, cache, verifiers: [tdxVerifier] });
}

/** The same bytes in other objects, as they come with every report. */
function copied(endorsements: Endorsements): Endorsements {
  return structuredClone(endorsements) as Endorsements;
}

async function checksMade(run: () => Promise<unknown>): Promise<number> {
  const spies = [vi.spyOn(crypto.subtle, 'verify'), vi.spyOn(nodeCrypto, 'verify')];
  await run();
  return spies.reduce((sum, { mock }) => sum + mock.calls.length, 0);
}

async function outcomeOf(verifier: Verifier, fake: FakeDcap, change: Partial<FakeDcap> = {}): Promise<string> {
  const { quote, endorsements, now } = { ...fake, ...change };
  return verifier.authenticate(quote, { now, endorsements }).then(
    ({ type }) => type,
    (error: unknown) => (error as { code: string }).code,
  );
}

afterEach(() => vi.restoreAllMocks());

describe('a platform seen before', () => {
  test('costs one signature check, also when its collateral comes in new objects', async () => {
    const fake = await fakeDcap();
    const verifier = verifierOf(fake.anchors);
    const again = () => verifier.authenticate(fake.quote, { now: fake.now, endorsements: copied(fake.endorsements) });
    expect(await checksMade(again)).toBeGreaterThan(8);
    vi.restoreAllMocks();
    expect(await checksMade(again)).toBe(1);
  });

  test('costs every check again for a verifier of its own', async () => {
    const fake = await fakeDcap();
    const once = () => verifierOf(fake.anchors).authenticate(fake.quote, { now: fake.now, endorsements: fake.endorsements });
    const first = await checksMade(once);
    vi.restoreAllMocks();
    expect(await checksMade(once)).toBe(first);
  });

  test('is refused when its certificates or its collateral have run out', async () => {
    const fake = await fakeDcap();
    const verifier = verifierOf(fake.anchors);
    expect(await outcomeOf(verifier, fake)).toBe('tdx');
    expect(await outcomeOf(verifier, fake, { now: FAKE_NOW + 4000 * DAY })).toBe('certificate/expired');
    expect(await outcomeOf(verifier, fake, { now: FAKE_NOW - 4000 * DAY })).toBe('certificate/not-yet-valid');
    expect(await outcomeOf(verifier, fake)).toBe('tdx');
  });

  test('is refused by a verifier that shares the memory and not the root', async () => {
    const fake = await fakeDcap();
    const cache = new VerificationCache();
    expect(await outcomeOf(verifierOf(fake.anchors, cache), fake)).toBe('tdx');
    expect(await outcomeOf(verifierOf([], cache), fake)).toBe('certificate/root-not-trusted');
  });

  test('is simulated or not as each verifier that shares the memory has it', async () => {
    const fake = await fakeDcap();
    const cache = new VerificationCache();
    for (const simulated of [true, false, true]) {
      const verifier = verifierOf(
        fake.anchors.map((anchor) => ({ ...anchor, simulated })),
        cache,
      );
      const claims = await verifier.authenticate(fake.quote, { now: fake.now, endorsements: fake.endorsements });
      expect(claims.simulated).toBe(simulated);
    }
  });
});

describe('nothing passes because something like it was seen', () => {
  test.each(['signature', 'body', 'issuerChain'] as const)('no collateral with a changed %s', async (member) => {
    const fake = await fakeDcap();
    const verifier = verifierOf(fake.anchors);
    expect(await outcomeOf(verifier, fake)).toBe('tdx');
    for (const kind of ['tcb-info', 'enclave-identity'] as const) {
      const endorsements = copied(fake.endorsements);
      for (const piece of endorsements) {
        if (piece.kind !== kind) continue;
        const bytes = member === 'issuerChain' ? piece.issuerChain[0] : piece[member];
        const at = member === 'body' ? (bytes?.length ?? 0) - 3 : 10;
        if (bytes !== undefined) bytes[at] = (bytes[at] as number) ^ 1;
      }
      expect(await outcomeOf(verifier, fake, { endorsements }), kind).not.toBe('tdx');
    }
  });

  test('no revocation list with a changed bit, and none that is left out', async () => {
    const fake = await fakeDcap();
    const verifier = verifierOf(fake.anchors);
    expect(await outcomeOf(verifier, fake)).toBe('tdx');
    const endorsements = copied(fake.endorsements);
    for (const piece of endorsements)
      if (piece.kind === 'crl') piece.der[piece.der.length - 1] = (piece.der.at(-1) as number) ^ 1;
    expect(await outcomeOf(verifier, fake, { endorsements })).toBe('certificate/crl-signature-invalid');
    const without = fake.endorsements.filter(({ kind }) => kind !== 'crl');
    expect(await outcomeOf(verifier, fake, { endorsements: without })).toBe('dcap/collateral-missing');
  });

  test('no root out of date, for a verifier that shares the memory of one that named its key alone', async () => {
    const fake = await fakeDcap();
    const [anchor] = fake.anchors as readonly [TrustAnchor];
    const certificate = Uint8Array.from(anchor.certificate ?? []);
    const [, end] = [
      ...Buffer.from(certificate)
        .toString('latin1')
        .matchAll(/[0-9]{12,14}Z/g),
    ];
    const past = end?.[0].length === 13 ? '210101000000Z' : '20210101000000Z';
    certificate.set(Buffer.from(past), end?.index ?? 0);
    const ended = { ...anchor, certificate };
    expect(await outcomeOf(verifierOf([ended]), fake)).toBe('certificate/expired');
    const cache = new VerificationCache();
    expect(await outcomeOf(verifierOf([{ ...anchor, certificate: null }], cache), fake)).toBe('tdx');
    expect(await outcomeOf(verifierOf([ended], cache), fake)).toBe('certificate/expired');
  });
});
