/**
 * Nitro documents against Turnkey's verifier (npm @turnkey/crypto): the same genuine documents and the same mutations of them. Whatever
 * we accept the peer must accept; where only we refuse, the reason must be one the peer is known not to look at.
 */

import { AWS_NITRO_ROOTS, nitroVerifier } from '@assay/attestation';
import { bufferSource, utf8 } from '@assay/encoding/bytes';
import { decodeCbor } from '@assay/encoding/cbor';
import { encodePem } from '@assay/encoding/pem';
import { verifyCertificateChain, verifyCoseSign1Sig } from '@turnkey/crypto';
import { describe, expect, it } from 'vitest';
import { mutate, Random } from '../fuzz/mutate.ts';
import { casesOf, haveVectors, vectorBytes } from '../vectors/vectors.ts';

const ROOT_PEM = encodePem('CERTIFICATE', AWS_NITRO_ROOTS[0]?.certificate ?? new Uint8Array(0));
const MUTATIONS = 300; // for each document; every one costs the peer four signatures
/**
 * What the peer does not check, by its own comments and code: dates of the leaf, the protected header's algorithm, the shape of the
 * payload and of the document around it, certificate extensions.
 */
const PEER_IS_BLIND_TO = /^(nitro|certificate|evidence|der|cbor|cose)\//;

async function peerAccepts(document: Uint8Array, at: number): Promise<boolean> {
  try {
    const sign1 = decodeCbor(document) as unknown[];
    const payload = decodeCbor(sign1[2] as Uint8Array, { allowIndefinite: true }) as Map<string, unknown>;
    const leaf = bufferSource(payload.get('certificate') as Uint8Array);
    await verifyCoseSign1Sig(sign1, leaf);
    await verifyCertificateChain((payload.get('cabundle') as Uint8Array[]).map(bufferSource), ROOT_PEM, leaf, at);
    return true;
  } catch {
    return false;
  }
}

async function ours(document: Uint8Array, now: number): Promise<string> {
  try {
    const evidence = nitroVerifier.recognise(document);
    if (evidence === null) return 'evidence/unrecognised';
    await nitroVerifier.verify(evidence, { now });
    return 'accepted';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe.skipIf(!haveVectors)('against @turnkey/crypto', () => {
  const cases = casesOf('aws-nitro').filter(({ expect: { verdict } }) => verdict === 'valid' || verdict === 'invalid');

  it('agrees on every vector, but for what the peer does not look at', { timeout: 300_000 }, async () => {
    const blind: string[] = [];
    for (const { id, evidence, at } of cases) {
      const bytes = vectorBytes(evidence);
      const now = Date.parse(at);
      const [verdict, peer] = [await ours(bytes, now), await peerAccepts(bytes, now)];
      if (verdict === 'accepted') expect(peer, id).toBe(true);
      else if (peer) blind.push(`${id}: ${verdict}`);
    }
    expect(blind.filter((line) => !PEER_IS_BLIND_TO.test(line.split(': ')[1] ?? ''))).toEqual([]);
  });

  it(`accepts none of ${MUTATIONS} mutations of a document that the peer refuses`, { timeout: 600_000 }, async () => {
    const random = new Random(20261121);
    const genuine = cases.filter(({ expect: { verdict } }) => verdict === 'valid').slice(0, 10);
    let unlike = 0;
    for (const { id, evidence, at } of genuine) {
      const bytes = vectorBytes(evidence);
      for (let round = 0; round < MUTATIONS / 10; round += 1) {
        const mutated = mutate(bytes, utf8(id), random);
        if ((await ours(mutated, Date.parse(at))) !== 'accepted') continue;
        unlike += 1;
        expect(await peerAccepts(mutated, Date.parse(at)), id).toBe(true);
      }
    }
    expect(unlike, 'mutations that changed nothing that counts').toBeLessThan(MUTATIONS / 10);
  });
});
