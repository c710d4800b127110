/** Options as callers give them: presets by name, roots in any of their forms, and what is neither. */

import { DEFAULT_POLICY, MODERATE_POLICY, STRICT_POLICY } from '@assay/attestation';
import { encodePem } from '@assay/encoding/pem';
import { expectAdvice, fakeChain } from '@assay/testing';
import { expect, test } from 'vitest';
import { connect } from '../connection/connect.ts';
import { verifyBundle } from './bundle.ts';
import { resolveOptions } from './options.ts';
import { verify } from './verify.ts';

const { root } = await fakeChain({ simulated: true });
const pem = encodePem('CERTIFICATE', root.der);
const nothing = new Uint8Array(4);

test.each<readonly [string, string | Uint8Array]>([
  ['PEM text', pem],
  ['PEM bytes', new TextEncoder().encode(pem)],
  ['DER', root.der],
])('a simulator named by %s is trusted, and accepted by the policy', (_, simulatedRoot) => {
  const { trust, policy } = resolveOptions({ trust: { simulatedRoot }, policy: 'moderate' });
  expect(trust.anchors).toMatchObject([{ simulated: true }]);
  expect(policy).toEqual({ ...MODERATE_POLICY, simulatedRoots: trust.simulatedRoots });
  expect(resolveOptions({ trust: { simulatedRoot }, policy: 'strict' }).policy, 'strict takes no simulator').toEqual(
    STRICT_POLICY,
  );
});

test('nothing named is nothing trusted, under the default policy', () => {
  expect(resolveOptions()).toMatchObject({ policy: DEFAULT_POLICY, trust: { anchors: [], simulatedRoots: [] } });
});

test('client/unknown-preset: a policy by a name that no preset has', async () => {
  for (const policy of ['lax', 'toString', 'STRICT'] as never[]) {
    const error = await verify(nothing, { policy }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'client/unknown-preset', kind: 'misuse' });
    expectAdvice((error as Error).message, ['strict, moderate, relaxed', 'parse a policy file']);
  }
});

test('trust/several-roots: a PEM file with two certificates names no simulator', async () => {
  const trust = { simulatedRoot: `${pem}\n${pem}` };
  const refused = { code: 'trust/several-roots', message: expect.stringContaining('got 2; name the simulator') };
  let sent = 0;
  const fetch = async () => new Response(String(++sent));
  await expect(connect('https://agent.example', { trust, fetch })).rejects.toMatchObject(refused);
  await expect(verify(nothing, { trust })).rejects.toMatchObject(refused);
  await expect(verifyBundle(nothing, { trust })).rejects.toMatchObject(refused);
  expect(sent, 'nothing left').toBe(0);
});
