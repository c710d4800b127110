/**
 * The npm peers of the workspace against Assay: every genuine case and a sample of mutations. `npm run differential` asks all peers, ten
 * thousand mutations each. Whatever a peer refuses and Assay accepts must have a named reason.
 */

import { describe, expect, test } from 'vitest';
import { dcapQvlJs } from '../../bench/peers/dcap-peers.ts';
import { genuineCases } from '../../bench/peers/genuine.ts';
import { turnkey } from '../../bench/peers/nitro-peers.ts';
import { haveVectors } from '../vectors/vectors.ts';
import { compareGenuine, compareMutations } from './comparison.ts';

const cases = genuineCases();

describe.runIf(haveVectors).each([
  { peer: dcapQvlJs(), mutations: 200, genuine: 72 },
  { peer: turnkey(), mutations: 100, genuine: 46 },
])('$peer.name', ({ peer, mutations, genuine }) => {
  test('judges every genuine case alike, or for a named reason', async () => {
    const { total, unexplained, bothAccept } = await compareGenuine(peer, cases);
    expect([total, unexplained]).toEqual([genuine, []]);
    expect(bothAccept).toBeGreaterThan(30);
  }, 120_000);

  test(`accepts of ${mutations} mutations what Assay accepts, or not for a named reason`, async () => {
    const { unexplained, agree } = await compareMutations(peer, cases, { count: mutations, seed: 20_261_121 });
    expect(unexplained).toEqual([]);
    expect(agree).toBeGreaterThan(mutations / 2);
  }, 240_000);
});
