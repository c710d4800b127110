/**
 * The conformance suite: Assay gives every entry the verdict and code it names; npm
 * `@phala/dcap-qvl` gives exactly the wrong ones that docs/peers.md lists. The other peers are asked by `npm run conformance`.
 */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { conformanceSuite } from '@assay/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dcapQvlJs } from '../../bench/peers/dcap-peers.ts';
import { ourVerdict } from '../../bench/peers/ours.ts';
import { judge } from './judge.ts';
import { KNOWN_VERDICTS } from './known.ts';
import { writeSuite } from './write-suite.ts';

const suite = await conformanceSuite();
const directory = mkdtempSync(join(tmpdir(), 'assay-conformance-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('Assay', () => {
  test.each(suite.map((entry) => [entry.variant, entry.name, entry] as const))('%s: %s', async (_, __, { code, question }) => {
    expect((await ourVerdict(question)).code).toBe(code);
  });
});

test('npm @phala/dcap-qvl accepts what is listed, and nothing else', async () => {
  const { wronglyAccepted, unknown } = await judge(dcapQvlJs(), suite);
  const known = KNOWN_VERDICTS.find(({ peer }) => peer === dcapQvlJs().name);
  expect(unknown).toEqual([]);
  expect(wronglyAccepted.map(({ name }) => name).sort()).toEqual(
    Object.keys({ ...known?.faults, ...known?.lenient, ...known?.byDesign }).sort(),
  );
});

test.each(KNOWN_VERDICTS.map((known) => [known.peer, known] as const))('docs/peers.md lists %s', (peer, known) => {
  const page = readFileSync(new URL('../../docs/peers.md', import.meta.url), 'utf8');
  const section = page.split('\n### ').find((each) => each.includes(peer)) ?? '';
  const rows = Object.entries({ ...known.faults, ...known.lenient, ...known.byDesign });
  expect(rows.filter(([name, because]) => !section.includes(`| ${name} | ${because} |`))).toEqual([]);
});

describe('the written suite', () => {
  interface Written {
    readonly id: string;
    readonly expected: string;
    readonly code: string | null;
    readonly [piece: string]: string | null | undefined;
  }
  let entries: readonly Written[] = [];
  beforeAll(() => {
    writeSuite(suite, directory);
    entries = (JSON.parse(readFileSync(join(directory, 'manifest.json'), 'utf8')) as { readonly entries: Written[] }).entries;
  });

  test('has every entry once, with its files', () => {
    expect(new Set(entries.map(({ id }) => id)).size).toBe(suite.length);
    for (const [index, { question }] of suite.entries()) {
      const written = entries[index];
      expect(new Uint8Array(readFileSync(join(directory, written?.evidence ?? '')))).toEqual(new Uint8Array(question.evidence));
      expect(new Uint8Array(readFileSync(join(directory, written?.root ?? '')))).toEqual(question.root);
    }
  });
});
