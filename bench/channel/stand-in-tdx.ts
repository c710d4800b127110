/**
 * An agent's identity on a TDX stand-in: quotes of genuine structure under a root of its own, one fresh quote a nonce, and the
 * collateral they verify with. Only who signed differs from Intel's.
 */

import { ohttpEntry } from '@assay/channel';
import { encodeBase64 } from '@assay/encoding/base64';
import { fakeDcap, fakeKey } from '@assay/testing';
import type { ChannelKeys } from '../../packages/agent/src/identity/channel-keys.ts';
import { createIdentity, type Identity } from '../../packages/agent/src/identity/identity.ts';
import { createSigningKeys } from '../../packages/ledger/src/signing-keys.ts';

const HEADER = 48; // bytes of a DCAP quote header
const SIGNED = HEADER + 584; // header and TD report of a version 4 quote
const REPORT_DATA = HEADER + 520;
const SIGNATURE = SIGNED + 4; // behind the length of the signature data

export interface StandInTdx {
  readonly identity: Identity;
  readonly collateral: Pick<Awaited<ReturnType<typeof fakeDcap>>, 'endorsements' | 'anchors' | 'now'>;
}

/** The identity whose keyset lists `channelKeys`. */
export async function standInTdx(channelKeys: ChannelKeys): Promise<StandInTdx> {
  const { quote, endorsements, anchors, now } = await fakeDcap({ tee: 'tdx', simulated: false });
  const attestationKey = await fakeKey('P-256', 'dcap attestation');
  const identity = createIdentity({
    attester: {
      name: 'stand-in TDX',
      simulated: false,
      attest: async ({ statementDigest }) => {
        const fresh = quote.slice();
        fresh.fill(0, REPORT_DATA, SIGNED).set(statementDigest, REPORT_DATA);
        fresh.set(await attestationKey.signRaw(fresh.subarray(0, SIGNED)), SIGNATURE);
        return { teeType: 'tdx', evidenceType: 'tdx', evidence: { quote: encodeBase64(fresh) } };
      },
    },
    notAfter: now / 1000 + 3600,
    receiptKeys: createSigningKeys().keysetEntries,
    channelKeys: channelKeys.keys.map(({ keyId, keyPair: { kem, publicKey } }) => ohttpEntry({ keyId, kem, publicKey })),
    channelPublicKey: null,
    clock: { now: () => now },
  });
  return { identity, collateral: { endorsements, anchors, now } };
}
