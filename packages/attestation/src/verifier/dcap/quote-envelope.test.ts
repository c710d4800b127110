/** Quotes inside JSON files: configfs-tsm and Azure vTPM evidence, one defect each. */

import { encodeBase64, encodeBase64Url } from '@assay/encoding/base64';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { expectCode, type FakeDcap, fakeDcap } from '@assay/testing';
import { sha256 } from '@noble/hashes/sha2.js';
import { expect, test } from 'vitest';
import { tdxVerifier } from './tdx.ts';

async function verify({ endorsements, anchors, now }: FakeDcap, file: Uint8Array) {
  const evidence = tdxVerifier.recognise(file);
  if (evidence === null) throw new Error('expected a TDX quote');
  return tdxVerifier.verify(evidence, { now, endorsements, trust: { roots: anchors } });
}

const runtime = utf8('{"keys":[]}');
const fake = await fakeDcap({
  body: (body) => {
    body.fill(0, 520);
    body.set(sha256(runtime), 520);
  },
});

function hcl(data: Uint8Array, type = 4): Uint8Array {
  const head = new Uint8Array(32 + 1184 + 20);
  const fields = new Map([
    [0, 0x414c4348],
    [1224, type],
    [1228, 1],
    [1232, data.length],
  ]);
  for (const [offset, value] of fields) new DataView(head.buffer).setUint32(offset, value, true);
  return concatBytes(head, data);
}

function azure(hclReport: Uint8Array): Uint8Array {
  const file = { version: 1, td_quote: encodeBase64Url(fake.quote), hcl_report: encodeBase64Url(hclReport), tpm_quote: {} };
  return utf8(JSON.stringify(file));
}

test('configfs-tsm is read', async () => {
  const file = utf8(JSON.stringify({ provider: 'tdx_guest\n', outblob: encodeBase64(fake.quote), generation: '1' }));
  expect((await verify(fake, file)).tcb?.status).toBe('UpToDate');
});

test("Azure's runtime data is bound; its vTPM quote is not looked at", async () => {
  const { checks, details } = await verify(fake, azure(hcl(runtime)));
  expect(details.runtimeData).toBe('{"keys":[]}');
  expect(checks).toContainEqual(expect.objectContaining({ id: 'tdx.runtime-data', outcome: 'pass' }));
  expect(checks).toContainEqual(expect.objectContaining({ id: 'tdx.unread', outcome: 'not-checked' }));
});

test('other runtime data is refused', async () => {
  await expectCode(verify(fake, azure(hcl(utf8('{"keys":[1]}')))), 'dcap/runtime-data-unbound');
});

test('runtime data under a quote with more in its report data is refused', async () => {
  const more = await fakeDcap({ body: (body) => body.set(sha256(runtime), 520) });
  const file = { td_quote: encodeBase64Url(more.quote), hcl_report: encodeBase64Url(hcl(runtime)) };
  await expectCode(verify(more, utf8(JSON.stringify(file))), 'dcap/runtime-data-unbound');
});

test.each([
  ['cut short', hcl(runtime).subarray(0, 1230)],
  ['of an SNP guest', hcl(runtime, 2)],
  ['of nothing', new Uint8Array(3)],
])('an HCL report %s is malformed', async (_, report) => {
  await expectCode(() => tdxVerifier.recognise(azure(report)), 'dcap/quote-malformed');
});

test.each(['{}', '{"outblob":"AAAA","provider":"sev_guest"}', '{"hcl_report":"AAAA"}', '{"td_quote":1}', '{', '[]'])(
  '%s is left to others',
  (text) => expect(tdxVerifier.recognise(utf8(text))).toBeNull(),
);
