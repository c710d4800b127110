/** The older guest agent of dstack. `RawQuote` quotes exactly 64 bytes; `TdxQuote` would hash them with a tag of its own first. */

import type { Attester } from '../../ports/attester.ts';
import { guestEvidence, guestSecret, paddedHex } from './dstack.ts';
import { callGuestAgent, findGuestAgent, type GuestAgentAddress } from './guest-agent.ts';

const SOCKETS = ['/var/run/tappd.sock', '/run/tappd.sock', '/var/run/tappd/tappd.sock', '/run/tappd/tappd.sock'];

/** The attester of this guest, or `null` outside of such guests. */
export function openTappdAttester(
  simulator: string | null,
  sockets: readonly string[] = SOCKETS,
  patienceMs?: number,
): Attester | null {
  const address = findGuestAgent(simulator, sockets);
  if (address === null) return null;
  const simulated = simulator !== null;
  return {
    name: simulated ? 'tappd simulator' : 'tappd',
    simulated,
    attest: async ({ statementDigest }) => {
      const [reply, about] = await Promise.all([
        callGuestAgent(address, '/prpc/Tappd.RawQuote', { report_data: paddedHex(statementDigest) }, patienceMs),
        callGuestAgent(address, '/prpc/Tappd.Info', {}, patienceMs),
      ]);
      return { teeType: 'tdx', evidenceType: 'tdx', evidence: guestEvidence(reply, about) };
    },
    keptSecret: () => keyOf(address, { path: 'assay/operator/1', purpose: 'assay-operator' }),
    dataKeySecret: () => keyOf(address, { path: 'assay/data-key/1', purpose: 'assay-data-key' }),
  };
}

async function keyOf(address: GuestAgentAddress, wanted: object): Promise<Uint8Array> {
  return guestSecret((await callGuestAgent(address, '/prpc/Tappd.DeriveK256Key', wanted)).k256_key);
}
