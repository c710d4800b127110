/** A chain that leads to a pinned key is refused all the same where that key is not the root's, or the chain is too long to be one. */

import { utf8 } from '@assay/encoding/bytes';
import { expectRefusal, type FakeDcapOptions, fakeDcap } from '@assay/testing';
import { expect, test } from 'vitest';
import { parseQuote } from '../../evidence/dcap/quote.ts';
import type { TrustAnchor } from '../../model/verification.ts';
import { sgxVerifier } from './sgx.ts';
import { tdxVerifier } from './tdx.ts';

async function verify(options: FakeDcapOptions, anchorOf?: (fake: Awaited<ReturnType<typeof fakeDcap>>) => TrustAnchor) {
  const fake = await fakeDcap(options);
  const evidence = tdxVerifier.recognise(fake.quote);
  if (evidence === null) throw new Error('expected a TDX quote');
  const roots = anchorOf === undefined ? fake.anchors : [anchorOf(fake)];
  return tdxVerifier.verify(evidence, { now: fake.now, endorsements: fake.endorsements, trust: { roots } });
}

test('the key of the CA may not be pinned instead of the root', async () => {
  const ca = verify({}, (fake) => ({ name: 'ca', spki: fake.ca.key.spki, certificate: null, simulated: true }));
  await expectRefusal(ca, 'dcap/pck-chain-invalid', ['the root, and only it, to carry a pinned key']);
});

test.each<[string, Uint8Array, string]>([
  ['too long', new Uint8Array(70_000), 'a chain of at most'],
  ['other text', utf8('no chain'), 'a PEM certificate chain, got something else: expected'],
  ['no text', Uint8Array.of(0xff), 'a PEM certificate chain, got something else: expected'],
])('certification data that is %s', async (_, data, words) => {
  await expectRefusal(verify({ certification: { type: 5, data } }), 'dcap/pck-chain-invalid', [words]);
});

test('a verifier takes quotes of its own kind only', async () => {
  const [sgx, tdx] = await Promise.all([fakeDcap({ tee: 'sgx' }), fakeDcap({ tee: 'tdx' })]);
  const optionsOf = ({ now, endorsements, anchors }: typeof sgx) => ({ now, endorsements, trust: { roots: anchors } });
  const enclave = tdxVerifier.verify({ type: 'tdx', value: parseQuote(sgx.quote) }, optionsOf(sgx));
  await expect(enclave).rejects.toThrow('got an SGX quote');
  const domain = sgxVerifier.verify({ type: 'sgx', value: parseQuote(tdx.quote) }, optionsOf(tdx));
  await expect(domain).rejects.toThrow('got a TDX quote');
});
