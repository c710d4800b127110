/** What bundle.ts, leaf.ts, receipt.ts, events.ts and dsse.ts refuse by its form alone: each with the words that say so, before anything is verified. */

import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { fakeLog } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { parseBundle } from './bundle.ts';
import { verifyEnvelope } from './dsse.ts';
import { parseEvent } from './events.ts';
import { parseKeyset } from './keyset.ts';
import { parseLeaf } from './leaf.ts';
import { parseReceipt } from './receipt.ts';

interface Document {
  vkeys: readonly unknown[];
  readonly reports: readonly { nonce: unknown }[];
  readonly receipts: readonly { readonly entry: { path: readonly string[]; readonly leaf: JsonObject } }[];
  readonly payloads: readonly { hash: string }[];
  successions?: readonly JsonObject[];
}

const { bytes } = fakeLog({ receipts: 2, others: 1 });
const edited = (change: (document: Document) => unknown): Uint8Array => {
  const document = JSON.parse(decodeUtf8(bytes)) as Document;
  change(document);
  return utf8(canonicalJson(document as unknown as JsonObject));
};

describe('a bundle is malformed by', () => {
  test.each<[string, (document: Document) => unknown, string]>([
    [
      '64 hashes in a path',
      ({ receipts: [one] }) => Object.assign(one!.entry, { path: Array(64).fill('ab'.repeat(32)) }),
      'at most 63 hashes in hex',
    ],
    [
      'a path of no hashes',
      ({ receipts: [one] }) => Object.assign(one!.entry, { path: ['AB'.repeat(32)] }),
      'at most 63 hashes in hex',
    ],
    [
      'a successor without its kind',
      (document) => {
        document.successions = [{ entry: document.receipts[0]!.entry as never, successor: 'ab'.repeat(32) }];
      },
      'expected successors named by sha256:',
    ],
    [
      'a payload without its kind',
      ({ payloads: [one] }) => Object.assign(one!, { hash: 'ab'.repeat(32) }),
      'expected payloads named by sha256:',
    ],
    ['a short nonce', ({ reports: [one] }) => Object.assign(one!, { nonce: 'ab' }), 'expected a nonce of 64 hex characters'],
    ['a number among its keys', (document) => Object.assign(document, { vkeys: [7] }), 'expected texts in vkeys'],
  ])('%s', (_, change, words) => {
    expect(() => parseBundle(edited(change))).toThrow(expect.objectContaining({ code: 'bundle/malformed' }));
    expect(() => parseBundle(edited(change))).toThrow(words);
  });
});

test('a leaf of another kind is malformed', () => {
  const { leaf } = (JSON.parse(decodeUtf8(bytes)) as Document).receipts[0]!.entry;
  expect(parseLeaf(leaf)).toMatchObject({ kind: 'receipt' });
  expect(() => parseLeaf({ ...leaf, kind: 'payload' })).toThrow('expected kind report, receipt or succession');
});

test.each(['Code_hash', 'code-hash', '1st', ''])('an event with the member %j is malformed', (name) => {
  expect(() => parseEvent({ type: 'code.generated', [name]: 'x' })).toThrow('expected a name in lower case with underscores');
});

test('an envelope of more bytes than are read is malformed, whatever it says', async () => {
  const keyset = parseKeyset({
    ...{ subject: null, not_after: 1, e2ee_public_keys: [], tls_public_keys: [], receipt_signing_keys: [] },
  });
  const padded = utf8(`{"payload":""}${' '.repeat(8 * 1024 * 1024)}`);
  await expect(verifyEnvelope(padded, keyset)).rejects.toThrow(`at most ${8 * 1024 * 1024} bytes`);
});

describe('a leaf is malformed by', () => {
  const { leaf } = (JSON.parse(decodeUtf8(bytes)) as Document).receipts[0]!.entry;
  test.each<[string, JsonObject, string]>([
    ['a predecessor in capitals', { prev: 'AB'.repeat(32) }, '64 hex characters or null'],
    ['a short nonce', { nonce: 'ab' }, '64 hex characters or null'],
    ['a short replica', { replica: 'ab' }, '16 hex characters'],
    ['a boot in capitals', { boot: 'AB'.repeat(16) }, '32 hex characters'],
    ['a short signature', { signature: 'ab' }, '128 hex characters'],
    ['log keys without their kind', { log_keys: 'ab'.repeat(32) }, 'expected digests like sha256:'],
    ['a keyset without its kind', { keyset_digest: 'ab'.repeat(32) }, 'expected digests like sha256:'],
    ['no origin', { origin: '' }, 'expected an origin and a key id'],
    ['no key id', { key_id: '' }, 'expected an origin and a key id'],
    ['half a millisecond', { time: 0.5 }, 'a whole number from 0'],
    ['being the first of a boot, and no report', { seq: 0, prev: null }, 'the first leaf of a boot to be of kind report'],
  ])('%s', (_, change, words) => {
    expect(() => parseLeaf({ ...leaf, ...change })).toThrow(words);
  });
});

describe('a receipt is malformed by', () => {
  const { receipt } = JSON.parse(decodeUtf8(bytes)).receipts[0] as { receipt: JsonObject };
  test.each<[string, JsonObject, string]>([
    ['a number for a chat', { chat_id: 7 }, 'chat_id'],
    ['a number for a model', { model: 7 }, 'model'],
    ['a number for its id', { receipt_id: 7 }, 'receipt_id'],
    ['a number for its endpoint', { endpoint: 7 }, 'endpoint'],
    ['a number for its key', { key_id: 7 }, 'key_id'],
    ['a keyset without its kind', { workload_keyset_digest: 'ab'.repeat(32) }, 'expected workload_keyset_digest like sha256:'],
  ])('%s', (_, change, words) => {
    expect(() => parseReceipt({ ...receipt, ...change })).toThrow(words);
  });
});
