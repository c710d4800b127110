/** Reports whose evidence is missing or binds something else, and files that are no results. */

import { encodeBase64 } from '@assay/encoding/base64';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import type { Json } from '@assay/encoding/json';
import { type Keyset, keysetDigest, statementDigest } from '@assay/receipt';
import { expectAdvice, expectRefusal, FAKE_NOW, fakeChain, fakeNitroDocument } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { resolveOptions } from './options.ts';
import { openReport, reportVerdict } from './report.ts';
import { resultVerdict } from './result-file.ts';

const NONCE = 'ab'.repeat(32);
const KEYSET: Keyset = {
  ...{ subject: null, not_after: FAKE_NOW / 1000 + 3600 },
  ...{ receipt_signing_keys: [], e2ee_public_keys: [], tls_public_keys: [] },
};
const chain = await fakeChain({ simulated: true });
const trust = { simulatedRoot: chain.root.der };

interface Slots {
  /** Bytes in the evidence's `user_data`, `null` for none. */
  readonly userData: Uint8Array | null;
  readonly nonce: Uint8Array | null;
}

/** A report for `nonce`, internally sound, over a document with these slots. */
async function reportWith(nonce: string | null, slots: Slots, evidence?: Readonly<Record<string, Json>>): Promise<Json> {
  const digest = keysetDigest(KEYSET);
  const { document } = await fakeNitroDocument({
    chain,
    fields: { user_data: slots.userData, nonce: slots.nonce, timestamp: FAKE_NOW },
  });
  return {
    ...{ api_version: 'aci/1', workload_keyset_digest: digest },
    attestation: {
      ...{ tee_type: 'aws_nitro', workload_keyset: KEYSET as never, report_data: encodeHex(statementDigest(digest, nonce)) },
      evidence: evidence ?? { document: encodeBase64(document) },
    },
  };
}

const statement = (nonce: string | null): Uint8Array => statementDigest(keysetDigest(KEYSET), nonce);
const slots = (userData: Uint8Array | null, nonce: string | null): Slots => ({
  userData,
  nonce: nonce === null ? null : decodeHex(nonce),
});
const asking = (nonce: string | null) => resolveOptions({ now: FAKE_NOW, trust, expected: nonce === null ? {} : { nonce } });

describe('a report', () => {
  test('is opened when its evidence holds the statement of its keyset', async () => {
    const { report } = await openReport(await reportWith(NONCE, slots(statement(NONCE), NONCE)), asking(NONCE), FAKE_NOW);
    expect(report.keyset).toEqual(KEYSET);
  });

  const sound = slots(statement(NONCE), NONCE);
  test.each<[string, string, string | null, Slots, Readonly<Record<string, Json>> | undefined, readonly string[]]>([
    ['no evidence at all', 'report/evidence-missing', NONCE, sound, {}, ['known TEE', 'got no members']],
    ['a claim to be a mock', 'report/evidence-missing', NONCE, sound, { mock: true }, ['known TEE', 'got members mock']],
    [
      'evidence of an unknown TEE',
      'report/evidence-missing',
      NONCE,
      sound,
      { quote: '5a'.repeat(700) },
      ['got members quote', 'newer than this verifier'],
    ],
    [
      'evidence without a slot for the keyset',
      'report/evidence-missing',
      NONCE,
      slots(null, NONCE),
      undefined,
      ['nitro evidence', 'got none'],
    ],
    [
      'another keyset in the evidence',
      'report/unbound',
      NONCE,
      slots(new Uint8Array(32), NONCE),
      undefined,
      ['other report data'],
    ],
    ['evidence for another nonce', 'report/unbound', NONCE, slots(statement(null), NONCE), undefined, ['other report data']],
    [
      'evidence that answers a nonce that was not given',
      'report/unbound',
      null,
      slots(statement(null), NONCE),
      undefined,
      ['for no nonce', '--nonce'],
    ],
  ])('with %s is refused: %s', async (_, code, nonce, filled, evidence, words) => {
    const document = await reportWith(nonce, filled, evidence);
    await expectRefusal(openReport(document, asking(nonce), FAKE_NOW), code, words);
    const { outcome, error } = await reportVerdict(document, asking(nonce));
    expect([outcome, error?.code]).toEqual([code === 'report/unbound' ? 'not-authentic' : 'malformed', code]);
  });
});

test.each<[string, Json]>([
  ['no object', null],
  ['a list', [{ generated_code: 'print(1)' }]],
  ['an object of another kind', { hello: 'world' }],
  ['measurements without a time', { measurements: {} }],
])('result/malformed: %s', async (_, json) => {
  const { outcome, error } = await resultVerdict(json, resolveOptions({ now: FAKE_NOW }));
  expect([outcome, error?.code]).toEqual(['malformed', 'result/malformed']);
  expectAdvice(error?.message ?? '', ['an answer of the agent', 'got other JSON', 'save the whole response']);
});
