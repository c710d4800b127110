/** Documents shaped like those of the Nitro hypervisor, under a fake root, sound or with any one defect. */

import type { TrustAnchor } from '@assay/attestation';
import { type CborValue, encodeCbor } from '@assay/encoding/cbor';
import { encodeCoseSign1, sigStructure } from '@assay/encoding/cose';
import { FAKE_NOW, type FakeChain, type FakeKey, fakeChain } from '@assay/simulator';

export interface FakeNitroOptions {
  readonly chain?: FakeChain;
  /** Replaces payload fields; `undefined` takes one out. */
  readonly fields?: Readonly<Record<string, CborValue>>;
  /** Replaces the protected header bytes. */
  readonly protectedBytes?: Uint8Array;
  readonly unprotected?: Map<CborValue, CborValue>;
  /** Signs with this key instead of the leaf's. */
  readonly signer?: FakeKey;
  readonly tagged?: boolean;
}

export interface FakeNitro {
  readonly document: Uint8Array;
  readonly anchor: TrustAnchor;
  readonly chain: FakeChain;
}

/** One document with sixteen PCRs of which the first three differ from zero. */
export async function fakeNitroDocument(options: FakeNitroOptions = {}): Promise<FakeNitro> {
  const chain = options.chain ?? (await fakeChain({ simulated: true }));
  const fields: Record<string, CborValue> = {
    module_id: 'i-0fake-enc0fake',
    digest: 'SHA384',
    timestamp: FAKE_NOW,
    pcrs: new Map(Array.from({ length: 16 }, (_, index) => [index, new Uint8Array(48).fill(index < 3 ? index + 1 : 0)])),
    certificate: chain.leaf.der,
    cabundle: [chain.root.der, chain.intermediate.der],
    public_key: null,
    user_data: new Uint8Array(32).fill(7),
    nonce: new Uint8Array(32).fill(9),
    ...options.fields,
  };
  const payload = encodeCbor(new Map<CborValue, CborValue>(Object.entries(fields).filter(([, value]) => value !== undefined)));
  const protectedBytes = options.protectedBytes ?? encodeCbor(new Map([[1, -35]]));
  const signature = await (options.signer ?? chain.leaf.key).signRaw(sigStructure({ protectedBytes, payload }));
  const { unprotected = new Map(), tagged = false } = options;
  return {
    document: encodeCoseSign1({ protectedBytes, unprotected, payload, signature, tagged }),
    anchor: chain.anchor,
    chain,
  };
}
