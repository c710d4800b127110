/** How many signature checks a report costs, whatever certificates its sender adds. */

import { certificatesOf, expectRefusal, FAKE_NOW, type FakeSnp, fakeSnp, verifyFakeSnp } from '@assay/testing';
import { afterEach, expect, test, vi } from 'vitest';

const HOUR = 3_600_000;
const count = 17;

afterEach(() => {
  vi.restoreAllMocks();
});

/** Certificates that fit one report, of keys or issuers that did not sign it. */
function others(): Promise<readonly FakeSnp[]> {
  return Promise.all(
    Array.from({ length: count }, (_, index) =>
      fakeSnp({
        keyLabel: `other ${index}`,
        validity: { notBefore: FAKE_NOW - HOUR - 1000 * index, notAfter: FAKE_NOW + HOUR },
      }),
    ),
  );
}

function webChecks() {
  return vi.spyOn(crypto.subtle, 'verify');
}

test('more keys than a chip has are refused before one is tried', async () => {
  const [fake, more] = [await fakeSnp(), await others()];
  const tried = webChecks();
  const endorsements = certificatesOf([...more.map(({ key }) => key), ...fake.chain]);
  await expectRefusal(verifyFakeSnp(fake, { endorsements }), 'endorsements/too-large', ['at most 16 vcek', 'got 18']);
  expect(tried).not.toHaveBeenCalled();
});

test('more issuers than a product has are refused before one is tried', async () => {
  const [fake, more] = [await fakeSnp({ keyLabel: 'with issuers' }), await others()];
  const tried = webChecks();
  const endorsements = certificatesOf([...more.map(({ intermediate }) => intermediate.der), ...fake.chain]);
  await expectRefusal(verifyFakeSnp(fake, { endorsements }), 'endorsements/too-large', ['at most 16 certificates']);
  expect(tried).not.toHaveBeenCalled();
});

test('one certificate many times counts once, and a few keys are tried on the threads of WebCrypto', async () => {
  const [fake, more] = [await fakeSnp(), await others()];
  const native = vi.spyOn(process.getBuiltinModule('node:crypto'), 'verify');
  const keys = more.slice(0, 3).map(({ key }) => key);
  const repeated = Array.from({ length: 50 }, () => fake.chain).flat();
  expect((await verifyFakeSnp(fake, { endorsements: certificatesOf([...keys, ...repeated]) })).type).toBe('sev-snp');
  expect(native).not.toHaveBeenCalled();
});
