/** Every peer that can be had here, built and started; those that cannot are named on standard error. */

import { dcapQvlJs, dcapQvlRust, dcapQvlWeb, goTdxGuest } from './dcap-peers.ts';
import { evervault, nsmNitroRust, turnkey } from './nitro-peers.ts';
import { leaveOut } from './program.ts';
import type { Peer } from './question.ts';
import { goSevGuest, tinfoil } from './snp-peers.ts';

export async function openPeers(): Promise<readonly Peer[]> {
  leaveOut('Go hf/nitrite', 'the Go module proxy answers 403 for it, so it can neither be pinned nor built');
  const peers = [
    dcapQvlJs(),
    await dcapQvlWeb(),
    dcapQvlRust(),
    goTdxGuest(),
    await tinfoil(),
    goSevGuest(),
    turnkey(),
    await evervault(),
    nsmNitroRust(),
  ];
  return peers.filter((peer) => peer !== null);
}
