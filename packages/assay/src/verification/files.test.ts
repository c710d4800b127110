/** Several files dropped together: their order and names decide nothing, every piece of evidence has its verdict, the worst one counts. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { utf8 } from '@assay/encoding/bytes';
import type { Json } from '@assay/encoding/json';
import { encodePem } from '@assay/encoding/pem';
import { expectRefusal, FAKE_NOW, fakeNitroDocument, fakeSnp, vectorsDirectory } from '@assay/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { type FilesVerdict, type NamedFile, verifyFiles } from './files.ts';
import type { VerifyOptions } from './options.ts';

/** What a verdict says, without what only depends on how it was asked. */
function told({ outcome, verdicts, companions, unrecognised }: FilesVerdict): unknown {
  return {
    outcome,
    verdicts: verdicts.map(({ name, verdict }) => [name, verdict.type, verdict.outcome, verdict.checks.length]),
    companions: companions.toSorted(),
    unrecognised: unrecognised.toSorted(),
  };
}

function* orders<T>(items: readonly T[]): Generator<readonly T[]> {
  if (items.length < 2) return yield items;
  for (const [index, item] of items.entries()) for (const rest of orders(items.toSpliced(index, 1))) yield [item, ...rest];
}

describe('an SNP report with its certificates, and a Nitro document', () => {
  let files: Readonly<Record<'snp' | 'vcek' | 'ask' | 'nitro', NamedFile>>;
  let options: VerifyOptions;

  beforeAll(async () => {
    const { report, chain, root } = await fakeSnp();
    const nitro = await fakeNitroDocument();
    const [vcek = new Uint8Array(), ask = new Uint8Array()] = chain;
    files = {
      snp: { name: 'report.bin', bytes: report },
      vcek: { name: 'vcek.der', bytes: vcek },
      ask: { name: 'ask.pem', bytes: utf8(encodePem('CERTIFICATE', ask)) },
      nitro: { name: 'document.cbor', bytes: nitro.document },
    };
    options = { now: FAKE_NOW, trust: { roots: [root.der, nitro.chain.root.der] } };
  });

  test('give one verdict in all 24 orders', async () => {
    const all = [files.snp, files.vcek, files.ask, files.nitro];
    const expected = told(await verifyFiles(all, options));
    expect(expected).toMatchObject({
      verdicts: expect.arrayContaining([expect.arrayContaining(['report.bin', 'sev-snp', 'accepted'])]),
      companions: ['ask.pem', 'vcek.der'],
    });
    for (const order of orders(all)) expect(told(await verifyFiles(order, options))).toEqual(expected);
  });

  test('whatever their names say', async () => {
    const renamed = Object.values(files).map((file, index) => ({ ...file, name: `${9 - index}.json` }));
    const { verdicts, outcome } = await verifyFiles(renamed, options);
    const plain = await verifyFiles(Object.values(files), options);
    expect([outcome, verdicts.map(({ verdict }) => verdict.outcome)]).toEqual([
      plain.outcome,
      plain.verdicts.map(({ verdict }) => verdict.outcome),
    ]);
  });

  test('one changed byte is the outcome of all, and stands first', async () => {
    const bytes = files.snp.bytes.slice();
    bytes[0x50] = (bytes[0x50] ?? 0) ^ 1;
    for (const order of orders([{ name: 'changed.bin', bytes }, files.vcek, files.ask, files.nitro])) {
      const { outcome, verdicts } = await verifyFiles(order, options);
      expect([outcome, verdicts[0]?.name]).toEqual(['not-authentic', 'changed.bin']);
      expect(verdicts).toHaveLength(2);
    }
  });

  test('the worst outcome stands first, then the types in their order, however the contents are ordered', async () => {
    const { bytes } = files.nitro;
    const changed = { name: 'changed.cbor', bytes: bytes.with(-1, (bytes.at(-1) ?? 0) ^ 1) };
    const namesOf = async (nitro: NamedFile) =>
      (await verifyFiles([files.snp, files.vcek, files.ask, nitro], options)).verdicts.map(({ name }) => name);
    expect(await namesOf(changed)).toEqual(['changed.cbor', 'report.bin']);
    expect(await namesOf(files.nitro)).toEqual(['document.cbor', 'report.bin']);
  });

  test('equal files count once', async () => {
    expect((await verifyFiles([files.snp, files.snp, files.vcek, files.ask], options)).verdicts).toHaveLength(1);
  });

  test('a file of no known kind is named, and does not pass for checked', async () => {
    const noise = { name: 'noise.json', bytes: utf8('{"a":1}') };
    const found = await verifyFiles([noise, files.snp, files.vcek, files.ask], options);
    expect(found).toMatchObject({ outcome: 'accepted', unrecognised: ['noise.json'] });
  });

  test('companions alone are not accepted', async () => {
    const found = await verifyFiles([files.ask], options);
    expect(found.outcome).toBe('malformed');
    expect(found.verdicts[0]?.verdict.error?.code).toBe('evidence/unrecognised');
    expect((await verifyFiles([files.ask, files.vcek], options)).outcome).not.toBe('accepted');
  });
});

describe('a genuine TDX quote with its collateral in one file of JSON', () => {
  const file = (name: string): NamedFile => ({
    name,
    bytes: new Uint8Array(readFileSync(new URL(`../../../../examples/evidence/${name}`, import.meta.url))),
  });

  test('the collateral is a companion, for no verifier reads the JSON around it', async () => {
    const found = await verifyFiles([file('tdx.collateral.json'), file('tdx.quote')], {
      now: Date.parse('2025-07-08T09:20:26Z'),
    });
    expect(told(found)).toMatchObject({ outcome: 'accepted', companions: ['tdx.collateral.json'], unrecognised: [] });
    expect(found.verdicts.map(({ name }) => name)).toEqual(['tdx.quote']);
  });

  test.each<readonly [string, Record<string, Json>, 'companions' | 'unrecognised']>([
    ['a report of an unknown kind', { report: 'ab'.repeat(600) }, 'unrecognised'],
    ['one in JSON of its own', { inner: JSON.stringify({ reports: ['ab'.repeat(600)] }) }, 'unrecognised'],
    ['one as numbers', { report: Array.from({ length: 1184 }, (_, index) => index % 256) }, 'unrecognised'],
    ['one in lines', { report: Array.from({ length: 40 }, () => 'ab'.repeat(30)) }, 'unrecognised'],
    ['short members', { name: 'chip 7', serial: 7, fetched: { at: '2026-01-01', by: null } }, 'companions'],
  ])('with %s', async (_, members, list) => {
    const collateral = JSON.parse(new TextDecoder().decode(file('tdx.collateral.json').bytes));
    const packed = { name: 'packed.json', bytes: utf8(JSON.stringify({ ...collateral, ...members })) };
    const found = await verifyFiles([packed, file('tdx.quote')], { now: Date.parse('2025-07-08T09:20:26Z') });
    expect(found).toMatchObject({ outcome: 'accepted', [list]: ['packed.json'] });
  });
});

test('more files than a set has are refused before any is read', async () => {
  const unread = { name: 'x', bytes: new Proxy(new Uint8Array(1), { get: () => expect.fail('a file was read') }) };
  const files = Array.from({ length: 1025 }, () => unread);
  await expectRefusal(() => verifyFiles(files), 'client/too-many-files', ['at most 1024', 'got 1025', 'several sets']);
});

const vectors = vectorsDirectory();
describe.skipIf(vectors === null)('folders captured from a service', () => {
  test.each([
    ['near-cloud-20260610', '2026-06-10T02:00:00Z', 'refused'],
    ['near-direct-20260629', '2026-06-29T03:00:00Z', 'accepted'],
  ])('%s: forwards, backwards and turned around', { timeout: 120_000 }, async (folder, at, outcome) => {
    const directory = join(vectors ?? '', 'combined', folder);
    const files = readdirSync(directory).map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(directory, name))) }));
    const options = { now: Date.parse(at) };
    const first = told(await verifyFiles(files, options));
    expect(first).toMatchObject({ outcome });
    for (let turned = 1; turned < files.length; turned += 1) {
      const order = [...files.slice(turned), ...files.slice(0, turned)];
      expect(told(await verifyFiles(order, options))).toEqual(first);
    }
    expect(told(await verifyFiles(files.toReversed(), options))).toEqual(first);
  });
});
