/** The files of tpm2-tools: message, signature, PCR values and attestation key, each alone, in every form the tools write. */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { DER_TAG, readDer } from '@assay/encoding/der';
import { encodeDer, encodeDerUnsigned } from '@assay/encoding/der-writer';
import { decodeHex } from '@assay/encoding/hex';
import { encodePem } from '@assay/encoding/pem';
import { expectRefusal, FAKE_NOW, type FakeKey, type FakeTpm, fakeKey, fakeTpmQuote } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { collectEndorsements } from '../../evidence/endorsement-files.ts';
import type { TrustAnchor } from '../../model/verification.ts';
import { verify } from '../../verify.ts';
import { tpmVerifier } from './tpm.ts';

const keys = {
  RSA: await fakeKey('RSA', 'tpm ak'),
  'P-256': await fakeKey('P-256', 'tpm ak'),
  'P-384': await fakeKey('P-384', 'tpm ak'),
};
const stranger = await fakeKey('RSA', 'tpm stranger');
const from64 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'));
const anchorOf = ({ spki }: FakeKey): TrustAnchor => ({ name: 'ak.pub.pem', spki, certificate: null, simulated: false });
const u16 = (value: number): Uint8Array => Uint8Array.of(value & 255, value >> 8);
const be16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 255);
const sized = (bytes: Uint8Array): Uint8Array => concatBytes(be16(bytes.length), bytes);
const values = ({ document }: FakeTpm): Uint8Array[] => Object.values(document.pcrs.sha256).map((value) => decodeHex(value));

/** TPML_PCR_SELECTION, a count, and lists of TPML_DIGEST, as `tpm2_quote -o` writes them. */
function serialized(fake: FakeTpm): Uint8Array {
  const selection = concatBytes(u16(0x0b), Uint8Array.of(3, 0b1001_0001, 0, 0, 0, 0));
  const digests = values(fake).map((value) => concatBytes(u16(value.length), value, new Uint8Array(64 - value.length)));
  return concatBytes(
    Uint8Array.of(1, 0, 0, 0),
    selection,
    new Uint8Array(15 * 8),
    Uint8Array.of(1, 0, 0, 0, digests.length, 0, 0, 0),
    ...digests,
    new Uint8Array((8 - digests.length) * 66),
  );
}

const PCR_FILES: readonly (readonly [string, (fake: FakeTpm) => Uint8Array])[] = [
  ['serialized', serialized],
  ['bare values', (fake) => concatBytes(...values(fake))],
  [
    'YAML',
    (fake) =>
      utf8(
        `pcrs:\n  sha256:\n${Object.entries(fake.document.pcrs.sha256)
          .map(([index, value]) => `    ${index} : 0x${value.toUpperCase()}`)
          .join('\n')}\n`,
      ),
  ],
];

/** `-f plain`: RSA as it is, ECDSA in DER. */
function plain(fake: FakeTpm): Uint8Array {
  const signature = decodeHex(fake.document.signature);
  const [first, at] = [signature.subarray(6, 6 + signature[4]! * 256 + signature[5]!), 6 + signature[4]! * 256 + signature[5]!];
  if (signature[1] === 0x14) return first;
  return encodeDer(DER_TAG.sequence, encodeDerUnsigned(first), encodeDerUnsigned(signature.subarray(at + 2)));
}

async function files(kind: keyof typeof keys = 'RSA', options: Parameters<typeof fakeTpmQuote>[0] = {}) {
  const fake = await fakeTpmQuote({ bare: true, signer: keys[kind], ...options });
  return {
    fake,
    message: from64(fake.document.message),
    signature: decodeHex(fake.document.signature),
    pcrs: serialized(fake),
  };
}

function verified(message: Uint8Array, companions: readonly Uint8Array[], anchors: readonly TrustAnchor[] = []) {
  const endorsements = collectEndorsements(companions.map((bytes, index) => ({ name: `file ${index}`, bytes })));
  return verify(message, { now: FAKE_NOW, endorsements, trust: { roots: anchors } });
}

describe('the files of a quote', () => {
  test.each(Object.keys(keys) as (keyof typeof keys)[])(
    'under a key of kind %s that the caller names are accepted',
    async (kind) => {
      const { fake, message, signature, pcrs } = await files(kind);
      for (const companions of [
        [signature, pcrs],
        [pcrs, signature],
        [plain(fake), pcrs],
      ]) {
        const { outcome, error, claims } = await verified(message, companions, [anchorOf(keys[kind])]);
        expect([outcome, error]).toEqual(['accepted', undefined]);
        expect(claims?.measurements).toMatchObject({ pcr0: '01'.repeat(32), pcr7: '08'.repeat(32) });
      }
    },
  );

  test.each(PCR_FILES)('are read with PCR values as %s', async (_, write) => {
    const { fake, message, signature } = await files();
    const { claims } = await verified(message, [signature, write(fake)], [anchorOf(keys.RSA)]);
    expect(claims?.measurements).toMatchObject({ pcr4: '05'.repeat(32) });
  });

  test('may come with a length before the message, as text, and without PCR values', async () => {
    const { message, signature } = await files();
    for (const file of [
      concatBytes(be16(message.length), message),
      utf8(Buffer.from(message).toString('hex')),
      utf8(Buffer.from(message).toString('base64')),
    ])
      expect((await verified(file, [signature], [anchorOf(keys.RSA)])).outcome).toBe('accepted');
  });

  test('may be certified instead, in any order of certificates', async () => {
    const fake = await fakeTpmQuote({ bare: true });
    const certificates = [fake.chain.intermediate.der, fake.chain.root.der, fake.chain.leaf.der];
    const { outcome } = await verified(
      from64(fake.document.message),
      [decodeHex(fake.document.signature), ...certificates],
      [{ ...fake.chain.anchor, simulated: false }],
    );
    expect(outcome).toBe('accepted');
  });
});

/** TPM2B_PUBLIC of a restricted signing key. */
function publicArea({ kind, spki }: FakeKey): Uint8Array {
  const bits = readDer(spki).children()[1]?.content.subarray(1) ?? new Uint8Array(0);
  const head = [be16(0x0b), Uint8Array.of(0, 5, 0, 0x72), sized(new Uint8Array(32))];
  if (kind === 'RSA') {
    const modulus = readDer(bits).children()[0]?.content.subarray(1) ?? new Uint8Array(0);
    return sized(
      concatBytes(be16(1), ...head, be16(0x10), be16(0x14), be16(0x0b), be16(2048), new Uint8Array(4), sized(modulus)),
    );
  }
  const width = (bits.length - 1) / 2;
  const [x, y] = [bits.subarray(1, 1 + width), bits.subarray(1 + width)];
  const curve = kind === 'P-256' ? 3 : 4;
  return sized(
    concatBytes(be16(0x23), ...head, be16(0x10), be16(0x18), be16(0x0b), be16(curve), be16(0x10), sized(x), sized(y)),
  );
}

describe('a bare public key beside the quote is a hint, never a reason', () => {
  const forms: readonly (readonly [string, (key: FakeKey) => Uint8Array])[] = [
    ['PEM', ({ spki }) => utf8(encodePem('PUBLIC KEY', spki))],
    ['DER', ({ spki }) => spki],
    ['TPM2B_PUBLIC', publicArea],
    ['TPMT_PUBLIC', (key) => publicArea(key).subarray(2)],
  ];
  test.each(forms.flatMap(([name, write]) => (['RSA', 'P-256'] as const).map((kind) => [name, kind, write] as const)))(
    '%s, %s',
    async (_, kind, write) => {
      const { message, signature, pcrs } = await files(kind);
      const { outcome, error } = await verified(message, [signature, pcrs, write(keys[kind])]);
      expect([outcome, error?.code]).toEqual(['unavailable', 'tpm/key-missing']);
      expect(error?.message).toContain('is signed by the public key given');
    },
  );

  test('inside the JSON form as well', async () => {
    const { fake } = await files();
    const json = { ...fake.document, ak_pub: encodePem('PUBLIC KEY', keys.RSA.spki) };
    const { error } = await verified(utf8(JSON.stringify(json)), []);
    expect(error?.message).toContain('is signed by the public key given');
    expect((await verified(utf8(JSON.stringify(json)), [], [anchorOf(keys.RSA)])).outcome).toBe('accepted');
  });
});

describe('what is missing, foreign or forged is told apart', () => {
  test('no signature', async () => {
    const { message, pcrs } = await files();
    const evidence = tpmVerifier.recognise(message);
    if (evidence === null) return expect.unreachable('expected a message');
    const endorsements = collectEndorsements([{ name: null, bytes: pcrs }]);
    await expectRefusal(tpmVerifier.verify(evidence, { now: FAKE_NOW, endorsements }), 'tpm/signature-missing', [
      'signature',
      'tpm2_quote',
    ]);
  });

  test.each<[string, string, string, () => Promise<Awaited<ReturnType<typeof verified>>>]>([
    [
      'no key',
      'unavailable',
      'tpm/key-missing',
      async () => {
        const { message, signature, pcrs } = await files();
        return verified(message, [signature, pcrs]);
      },
    ],
    [
      "a stranger's key beside it",
      'unavailable',
      'endorsements/foreign',
      async () => {
        const { message, signature, pcrs } = await files();
        return verified(message, [signature, pcrs, stranger.spki]);
      },
    ],
    [
      "a stranger's key named as root",
      'not-authentic',
      'tpm/signature-invalid',
      async () => {
        const { message, signature, pcrs } = await files();
        return verified(message, [signature, pcrs], [anchorOf(stranger)]);
      },
    ],
    [
      'a message that was changed',
      'not-authentic',
      'tpm/signature-invalid',
      async () => {
        const { message, signature, pcrs } = await files();
        return verified(message.with(50, 1), [signature, pcrs], [anchorOf(keys.RSA)]);
      },
    ],
    [
      'PCR values of another quote',
      'unavailable',
      'endorsements/foreign',
      async () => {
        const { message, signature } = await files();
        const other = await files('RSA', {
          pcrs: new Map([
            [0, new Uint8Array(32)],
            [4, new Uint8Array(32)],
            [7, new Uint8Array(32)],
          ]),
        });
        return verified(message, [signature, other.pcrs], [anchorOf(keys.RSA)]);
      },
    ],
    [
      'another attestation than a quote',
      'malformed',
      'tpm/malformed',
      async () => {
        const { message, signature } = await files();
        return verified(message.with(5, 0x17), [signature], [anchorOf(keys.RSA)]);
      },
    ],
  ])('%s', async (_, outcome, code, run) => {
    const result = await run();
    expect([result.outcome, result.error?.code], result.error?.message).toEqual([outcome, code]);
  });
});
