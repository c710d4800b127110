/**
 * The JSON around evidence is parsed once, however many readers look at it; of several files, each is read once as a companion. A file without
 * evidence is looked at again, to say what it is.
 */

import * as attestation from '@assay/attestation';
import { utf8 } from '@assay/encoding/bytes';
import * as json from '@assay/encoding/json';
import { FAKE_NOW, fakeSnp } from '@assay/testing';
import { beforeEach, expect, test, vi } from 'vitest';
import { verifyFiles } from './files.ts';
import { subjectOf } from './subject.ts';
import { verify } from './verify.ts';

vi.mock('@assay/encoding/json', async (original) => {
  const actual = await original<typeof json>();
  return { ...actual, parseJson: vi.fn(actual.parseJson) };
});

vi.mock('@assay/attestation', async (original) => {
  const actual = await original<typeof attestation>();
  return { ...actual, piecesOf: vi.fn(actual.piecesOf), collectEndorsements: vi.fn(actual.collectEndorsements) };
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

test('of several files with evidence, each is read once for all the others', async () => {
  const files = await Promise.all(
    Array.from({ length: 12 }, async (_, index) => ({ name: `${index}.json`, bytes: await snpInJson(index) })),
  );
  const { verdicts } = await verifyFiles(files, { now: FAKE_NOW });
  expect(verdicts).toHaveLength(12);
  const read = vi.mocked(attestation.piecesOf).mock.calls.map(([{ name }]) => name);
  expect(read.toSorted()).toEqual(files.map(({ name }) => name).toSorted());
  expect(vi.mocked(attestation.collectEndorsements)).not.toHaveBeenCalled();
});
