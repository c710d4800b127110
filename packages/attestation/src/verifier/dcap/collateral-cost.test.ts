/** What many documents of one platform cost: the certificates that they share are read once, not once for each document. */

import type { Endorsement } from '@assay/attestation';
import { certificatesOf, fakeDcap, fakeDevice } from '@assay/testing';
import { expect, test, vi } from 'vitest';
import { parseCertificate } from '../../certificates/x509.ts';
import { tdxVerifier } from './tdx.ts';

vi.mock('../../certificates/x509.ts', { spy: true });

const MANY = 20;

test('the certificates beside many TCB infos are read once', async () => {
  const fake = await fakeDcap({ tee: 'tdx', simulated: true });
  const strangers = certificatesOf((await fakeDevice()).chain.slice(0, 1));
  const signed = fake.endorsements.flatMap((each) => (each.kind === 'tcb-info' ? [each] : []));
  const shared = [...Array.from({ length: MANY }, () => strangers).flat(), ...chainOf(signed)];
  const issuerChain = shared.flatMap((each) => (each.kind === 'certificate' ? [each.der] : []));
  const copies = Array.from({ length: MANY }, () => signed.map((each) => ({ ...each, issuerChain }))).flat();
  const evidence = tdxVerifier.recognise(fake.quote);
  if (evidence === null) throw new Error('expected a quote');
  vi.mocked(parseCertificate).mockClear();
  await tdxVerifier.verify(evidence as never, {
    now: fake.now,
    endorsements: [...fake.endorsements, ...copies],
    trust: { roots: fake.anchors },
  });
  expect(vi.mocked(parseCertificate).mock.calls.length).toBeLessThan(4 * MANY);
});

function chainOf(documents: readonly Extract<Endorsement, { kind: 'tcb-info' }>[]): readonly Endorsement[] {
  return documents.flatMap(({ issuerChain }) => certificatesOf(issuerChain));
}
