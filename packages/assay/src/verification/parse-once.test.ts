/** The JSON around evidence is parsed once, however many readers look at it. A file without evidence is looked at again, to say what it is. */

import { utf8 } from '@assay/encoding/bytes';
import * as json from '@assay/encoding/json';
import { FAKE_NOW, fakeSnp } from '@assay/testing';
import { beforeEach, expect, test, vi } from 'vitest';
import { subjectOf } from './subject.ts';
import { verify } from './verify.ts';

vi.mock('@assay/encoding/json', async (original) => {
  const actual = await original<typeof json>();
  return { ...actual, parseJson: vi.fn(actual.parseJson) };
});

const parsed = vi.mocked(json.parseJson);
beforeEach(() => void parsed.mockClear());

/** How often these very bytes were parsed. */
const timesOf = (file: Uint8Array): number => parsed.mock.calls.filter(([input]) => input === file).length;

async function snpInJson(padding = 0): Promise<Uint8Array> {
  const { report } = await fakeSnp();
  const members = { note: 'x'.repeat(padding), attestation_report: Buffer.from(report).toString('base64') };
  return utf8(JSON.stringify(members));
}

test.each<readonly [string, () => Promise<Uint8Array>]>([
  ['a report inside JSON of an API', () => snpInJson()],
  ['the same, large', () => snpInJson(3 * 1024 * 1024)],
  ['a list with a report', async () => utf8(`[${new TextDecoder().decode(await snpInJson())}]`)],
])('%s', async (_, fileOf) => {
  const file = await fileOf();
  await verify(file, { now: FAKE_NOW });
  expect(timesOf(file)).toBe(1);
});

test('bytes that changed are parsed again', () => {
  const file = utf8('{"event_log":[],"receipt_id":"x"}');
  expect(subjectOf(file).kind).toBe('receipt');
  file.set(utf8('{"event_lag"'));
  expect(subjectOf(file).kind).toBe('evidence');
});
