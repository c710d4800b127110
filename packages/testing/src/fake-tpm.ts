/** TPM 2.0 quotes as a TPM would write them (TPMS_ATTEST and TPMT_SIGNATURE), signed by a fake attestation key; sound or with one defect. */

import { createHash } from 'node:crypto';
import { concatBytes } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { encodePem } from '@assay/encoding/pem';
import { type FakeChain, type FakeKey, fakeChain } from '@assay/simulator';

export interface FakeTpmOptions {
  readonly chain?: FakeChain;
  /** Signs with this key instead of the certified one: P-256 or RSA. */
  readonly signer?: FakeKey;
  /** Qualifying data. */
  readonly extraData?: Uint8Array;
  /** SHA-256 PCRs to quote, by index below 24; default: 0, 4 and 7. */
  readonly pcrs?: ReadonlyMap<number, Uint8Array>;
  /** Changes TPMS_ATTEST before it is signed. */
  readonly edit?: (message: Uint8Array) => Uint8Array;
  /** Changes TPMT_SIGNATURE. */
  readonly editSignature?: (signature: Uint8Array) => Uint8Array;
  /** Leaves the certificate out. */
  readonly bare?: boolean;
}

export interface FakeTpm {
  readonly document: {
    readonly message: string;
    readonly signature: string;
    readonly pcrs: { readonly sha256: Readonly<Record<string, string>> };
    readonly ak_cert?: string;
  };
  readonly chain: FakeChain;
}

const SOME_PCRS = new Map([0, 4, 7].map((index) => [index, new Uint8Array(32).fill(index + 1)] as const));

/** A quote over SHA-256 PCRs. */
export async function fakeTpmQuote(options: FakeTpmOptions = {}): Promise<FakeTpm> {
  const chain = options.chain ?? (await fakeChain({ simulated: true }));
  const signer = options.signer ?? chain.leaf.key;
  const hashId = signer.kind === 'P-384' ? 0x000c : 0x000b;
  const hashName = signer.kind === 'P-384' ? 'sha384' : 'sha256';
  const values = [...(options.pcrs ?? SOME_PCRS)].sort(([a], [b]) => a - b);
  const selection = new Uint8Array(3);
  for (const [index] of values) selection[index >> 3] = (selection[index >> 3] ?? 0) | (1 << (index & 7));
  const digest = new Uint8Array(
    createHash(hashName)
      .update(concatBytes(...values.map(([, value]) => value)))
      .digest(),
  );
  const attest = concatBytes(
    Uint8Array.of(0xff, 0x54, 0x43, 0x47, 0x80, 0x18),
    sized(new Uint8Array(34).fill(0x0b)),
    sized(options.extraData ?? new Uint8Array(32).fill(0x4e)),
    new Uint8Array(8).fill(1),
    Uint8Array.of(0, 0, 0, 2, 0, 0, 0, 3, 1),
    new Uint8Array(8).fill(2),
    Uint8Array.of(0, 0, 0, 1, 0, 0x0b, 3, ...selection),
    sized(digest),
  );
  const message = options.edit?.(attest) ?? attest;
  const raw = await signer.signRaw(message);
  const half = raw.length / 2;
  const body = signer.kind === 'RSA' ? sized(raw) : concatBytes(sized(raw.subarray(0, half)), sized(raw.subarray(half)));
  const signature = concatBytes(Uint8Array.of(0, signer.kind === 'RSA' ? 0x14 : 0x18, 0, hashId), body);
  return {
    document: {
      message: Buffer.from(message).toString('base64'),
      signature: encodeHex(options.editSignature?.(signature) ?? signature),
      pcrs: { sha256: Object.fromEntries(values.map(([index, value]) => [index, encodeHex(value)])) },
      ...(options.bare
        ? {}
        : { ak_cert: [chain.leaf, chain.intermediate].map(({ der }) => encodePem('CERTIFICATE', der)).join('') }),
    },
    chain,
  };
}

function sized(bytes: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(bytes.length >> 8, bytes.length & 0xff), bytes);
}
