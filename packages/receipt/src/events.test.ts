/** Events of a receipt: what is no event, and what its events say of payloads that are kept or erased. */

import { expectCode } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { digestBytes } from './digest.ts';
import { erasedPayloads, keptPayloads, parseEvent, type ReceiptEvent, taskNonce } from './events.ts';

const HASH = digestBytes(new Uint8Array(1));
const KEPT = { type: 'payload.kept', name: 'code.py', media_type: 'text/plain', bytes: 8, hash: HASH };
const ERASURE = { type: 'task.received', task: 'erasure' };

describe('no event is', () => {
  test.each<[string, unknown, string]>([
    ['null', null, 'expected an object'],
    ['a list', [{ type: 'a.b' }], 'expected an object'],
    ['text', 'a.b', 'expected an object'],
    ['an object without a type', { code: 1 }, 'expected a type like code.executed'],
    ['one whose type has one word', { type: 'code' }, 'expected a type like code.executed'],
    ['one whose type has capitals', { type: 'Code.executed' }, 'expected a type like code.executed'],
    ['one with a name in capitals', { type: 'a.b', Code: 1 }, 'a name in lower case'],
    ['one with half a number', { type: 'a.b', c: 0.5 }, 'a whole number'],
    ['one with a list of numbers', { type: 'a.b', c: [1] }, 'a list of texts'],
    ['one with a hash of no kind', { type: 'a.b', c_hash: 'ab'.repeat(32) }, 'expected sha256:<64 hex>'],
    ['one of more characters than are read', { type: 'a.b', c: 'x'.repeat(64 * 1024) }, 'at most 65536 characters'],
    ['one of so many in a list', { type: 'a.b', c: ['x'.repeat(64 * 1024)] }, 'at most 65536 characters'],
  ])('%s', (_, value, words) => {
    expect(() => parseEvent(value)).toThrow(words);
  });
});

test('fields are texts, whole numbers, truth values, null and lists of texts; a hash may be null', () => {
  const event = { type: 'a-b.c-d.e', a: 'x', b: -7, c: false, d: null, e: ['x'], f_hash: null, g_hash: HASH };
  expect(parseEvent(event)).toBe(event);
});

describe('a kept payload is refused', () => {
  test.each<[string, object]>([
    ['without a name', { name: null }],
    ['with a number for a media type', { media_type: 7 }],
    ['with its length as text', { bytes: '8' }],
    ['with a hash of no kind', { hash: 'ab'.repeat(32) }],
  ])('%s', async (_, change) => {
    const events = [{ ...KEPT, ...change } as ReceiptEvent];
    await expectCode(() => keptPayloads(events), 'receipt/event-malformed');
  });
});

test('kept payloads are those of their events alone, in order', () => {
  const { type: _, ...kept } = KEPT;
  expect(keptPayloads([ERASURE, KEPT, { ...KEPT, name: 'stdout' }])).toEqual([kept, { ...kept, name: 'stdout' }]);
});

describe('erased payloads', () => {
  const erased = { type: 'payloads.erased', receipt_id: 'rcpt_1', hashes: [HASH] };
  test('are named by a receipt of the task erasure', () => {
    expect(erasedPayloads([ERASURE, erased])).toEqual([{ receiptId: 'rcpt_1', hashes: new Set([HASH]) }]);
  });
  test('are not believed of a receipt of another task', () => {
    expect(erasedPayloads([{ ...ERASURE, task: 'execute' }, erased])).toEqual([]);
    expect(erasedPayloads([erased])).toEqual([]);
  });
  test.each<[string, object]>([
    ['without a receipt', { receipt_id: null }],
    ['with a text for its hashes', { hashes: HASH }],
  ])('are refused %s', async (_, change) => {
    await expectCode(() => erasedPayloads([ERASURE, { ...erased, ...change } as ReceiptEvent]), 'receipt/event-malformed');
  });
});

test('the nonce is that of the task, or null', () => {
  expect(taskNonce([{ type: 'task.received', nonce: 'ab' }])).toBe('ab');
  expect(taskNonce([{ type: 'task.received', nonce: null }])).toBeNull();
  expect(taskNonce([{ type: 'request.received', nonce: 'ab' }])).toBeNull();
});
