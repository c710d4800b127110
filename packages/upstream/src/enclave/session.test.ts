/** Evidence that is accepted and binds no keys to seal to, at the address where an enclave's document is expected. */

import { DEFAULT_POLICY } from '@assay/attestation/appraisal/presets';
import { decodeHex } from '@assay/encoding/hex';
import { FAKE_NOW, redpillKey, redpillReport } from '@assay/testing';
import { expect, test } from 'vitest';
import type { AttestedService } from '../attested-service.ts';
import { serviceKind } from '../services.ts';

test('service/keys-missing: the report of a signing service', async () => {
  const key = await redpillKey('ecdsa');
  const asked: { readonly url: URL; readonly headers: Headers }[] = [];
  const options = { key, model: 'm', now: FAKE_NOW, lie: null, gpu: false, shape: 'flat', textMembers: true } as const;
  const first = await redpillReport({ ...options, nonce: new Uint8Array(32), tlsFingerprint: null });
  const service: AttestedService = {
    ...{
      base: 'https://enclave.example/v1',
      apiKey: 'a secret key',
      now: () => FAKE_NOW,
      policy: DEFAULT_POLICY,
      collateral: null,
      dialer: null,
      channel: 'any',
      sleep: async () => undefined,
    },
    trust: { roots: first.anchors.map((anchor) => ({ ...anchor, simulated: false })) },
    endorsements: first.endorsements,
    fetch: async (input, init) => {
      const url = new URL(String(input));
      asked.push({ url, headers: new Headers(init?.headers) });
      const nonce = decodeHex(url.searchParams.get('nonce') ?? '');
      return Response.json((await redpillReport({ ...options, nonce, tlsFingerprint: null })).document);
    },
  };
  const opening = serviceKind('tinfoil').open(service, 'm');
  await expect(opening).rejects.toMatchObject({ code: 'service/keys-missing', kind: 'untrusted' });
  expect(asked.map(({ url }) => url.pathname)).toEqual(['/.well-known/tinfoil-attestation']);
  expect(asked[0]?.headers.get('authorization')).toBeNull();
});
