// The ledger over the embedded store: what is sealed verifies offline, what is refused says why (spec/log.md, spec/bundle.md).
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import {
  decodeEntryBundle,
  digestBytes,
  hashLeaf,
  parseBundle,
  parseCheckpoint,
  parseLeafText,
  parseVerifierKey,
  redactBundle,
  verifyBundle,
  verifyCheckpoint,
  verifyLeafChains,
  verifyLogProof,
  verifyReceipt,
} from '@assay/receipt';
import { believeFakeEvidence, fakeReport } from '@assay/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { openSqliteStore } from '../adapters/stores/sqlite/store.ts';
import type { Ledger, ReceiptDraft } from '../ports/ledger.ts';
import { createBootKeys } from './boot-keys.ts';
import { createLedger } from './ledger.ts';

const CLOCK = { now: () => 1_795_219_200_123 };
const NONCE = 'ab'.repeat(32);
const closing: (() => Promise<unknown>)[] = [];
const verifyEvidence = believeFakeEvidence;

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'assay-ledger-'));
  closing.push(async () => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function start(
  path: string,
  options: { readonly origin?: string; readonly maxBytes?: number; readonly silent?: boolean } = {},
) {
  const keys = createBootKeys();
  const store = await openSqliteStore({ directory: path, keys, ...options });
  const ledger = createLedger({ store, keys, clock: CLOCK });
  let closed = false;
  const close = async () => {
    if (!closed) await ledger.close();
    closed = true;
  };
  closing.push(close);
  const fake = fakeReport(keys.keysetEntries);
  if (options.silent !== true)
    await ledger.registerReport({
      ...fake,
      collateral: [{ name: 'crl.der', mediaType: 'application/pkix-crl', bytes: utf8('not a CRL') }],
    });
  return { ledger, keys, close, ...fake };
}

function open(ledger: Ledger, taskId: string, nonce: string | null = null): ReceiptDraft {
  return ledger.open({
    taskId,
    task: 'execute',
    method: 'POST',
    endpoint: '/api/process',
    requestBody: utf8(`{"id":"${taskId}"}`),
    nonce,
  });
}

async function run(ledger: Ledger, taskId: string, nonce: string | null = null) {
  const draft = open(ledger, taskId, nonce);
  const code_hash = draft.payload('attempt-1/code.py', 'text/x-python', utf8(`print("${taskId}")`));
  draft.append({ type: 'code.generated', language: 'python', code_hash, source: 'client' });
  draft.append({ type: 'task.completed', result_hash: digestBytes(utf8('42')) });
  return ledger.seal(draft);
}

const codeOf = (work: Promise<unknown> | (() => unknown)) =>
  Promise.resolve()
    .then(() => (typeof work === 'function' ? work() : work))
    .then(
      () => 'nothing thrown',
      (error: { readonly code?: string }) => error.code ?? String(error),
    );

describe('sealing', () => {
  test('a receipt comes back signed, proven and kept', async () => {
    const { ledger, keyset } = await start(directory());
    const { receipt, proof, receiptId } = await run(ledger, 'task-1', NONCE);
    await verifyReceipt(receipt, keyset);
    const { leaf } = await verifyLogProof(receipt, proof, { keyset, vkeys: ledger.verifierKeys });
    expect([leaf.seq, leaf.kind, leaf.nonce, proof.index]).toEqual([1, 'receipt', NONCE, 1]);
    expect(receipt.event_log.map(({ type }) => type)).toEqual([
      'request.received',
      'task.received',
      'code.generated',
      'task.completed',
      'payload.kept',
    ]);
    const found = await ledger.find(receiptId);
    expect(found?.receipt).toEqual(receipt);
    await verifyLogProof(found!.receipt, found!.proof, { keyset, vkeys: ledger.verifierKeys });
    const kept = receipt.event_log.find(({ type }) => type === 'payload.kept') as unknown as { hash: string };
    expect(decodeUtf8((await ledger.payload(kept.hash))!)).toBe('print("task-1")');
  });

  test('64 at once: one log, no gap, every proof holds', async () => {
    const { ledger, keyset } = await start(directory());
    const sealed = await Promise.all(Array.from({ length: 64 }, (_, i) => run(ledger, `task-${i}`)));
    expect(sealed.map(({ proof }) => proof.index).sort((a, b) => a - b)).toEqual(Array.from({ length: 64 }, (_, i) => i + 1));
    for (const { receipt, proof } of sealed) await verifyLogProof(receipt, proof, { keyset, vkeys: ledger.verifierKeys });
    const entries = decodeEntryBundle((await ledger.tile('tile/entries/000.p/65'))!);
    verifyLeafChains(entries.map((entry) => parseLeafText(decodeUtf8(entry))));
    const tile = (await ledger.tile('tile/0/000.p/65'))!;
    entries.forEach((entry, i) => {
      expect(tile.slice(i * 32, i * 32 + 32)).toEqual(hashLeaf(entry));
    });
    for (const path of ['tile/0/000', 'tile/0/000.p/66', 'tile/1/000.p/1', 'tile/entries/001', 'tile/0/00', '../log.db'])
      expect(await ledger.tile(path), path).toBeNull();
  });

  test('the checkpoint carries both signatures and moves with the log', async () => {
    const { ledger } = await start(directory(), { origin: 'agent.example/log' });
    await run(ledger, 'a');
    const checkpoint = parseCheckpoint(await ledger.checkpoint());
    expect([checkpoint.origin, checkpoint.size]).toEqual(['agent.example/log', 2]);
    const verified = await verifyCheckpoint(checkpoint, ledger.verifierKeys.map(parseVerifierKey));
    expect(verified.map(({ key, time }) => [key.type, time])).toEqual([
      [1, null],
      [6, 1_795_219_200],
    ]);
  });

  test.each([
    [
      'a nonce twice, one after the other',
      'ledger/nonce-reused',
      async (l: Ledger) => run(l, 'a', NONCE).then(() => run(l, 'b', NONCE)),
    ],
    ['a nonce twice at once', 'ledger/nonce-reused', async (l: Ledger) => ['a', 'b'].map((id) => open(l, id, NONCE))],
    ['a nonce of another form', 'ledger/event-refused', async (l: Ledger) => open(l, 'a', 'AB'.repeat(32))],
    ['an event of the ledger', 'ledger/event-refused', async (l: Ledger) => open(l, 'a').append({ type: 'payload.kept' })],
    [
      'a fraction',
      'ledger/event-refused',
      async (l: Ledger) => open(l, 'a').append({ type: 'model.called', temperature: 0.3 }),
    ],
    [
      'a nested field',
      'ledger/event-refused',
      async (l: Ledger) => open(l, 'a').append({ type: 'model.called', usage: { a: 1 } }),
    ],
    [
      'a hash that is none',
      'ledger/event-refused',
      async (l: Ledger) => open(l, 'a').append({ type: 'code.generated', code_hash: 'abc' }),
    ],
    ['a type without a dot', 'ledger/event-refused', async (l: Ledger) => open(l, 'a').append({ type: 'done' })],
    [
      'a payload name twice',
      'ledger/payload-refused',
      async (l: Ledger) => {
        const d = open(l, 'a');
        d.payload('x', 'text/plain', utf8('1'));
        d.payload('x', 'text/plain', utf8('2'));
      },
    ],
    ['a bad media type', 'ledger/payload-refused', async (l: Ledger) => open(l, 'a').payload('x', 'text', utf8('1'))],
    [
      'sealing twice',
      'ledger/draft-finished',
      async (l: Ledger) => {
        const d = open(l, 'a');
        await l.seal(d);
        await l.seal(d);
      },
    ],
    [
      'appending after sealing',
      'ledger/draft-finished',
      async (l: Ledger) => {
        const d = open(l, 'a');
        await l.seal(d);
        d.append({ type: 'task.completed' });
      },
    ],
    [
      'a changed version',
      'ledger/conflict',
      async (l: Ledger) =>
        l.seal(open(l, 'a'), { changes: [{ collection: 'variables', key: 'x', expectedVersion: 3, value: utf8('1') }] }),
    ],
    [
      'a report of other keys',
      'ledger/report-mismatch',
      async (l: Ledger) => l.registerReport(fakeReport(createBootKeys().keysetEntries)),
    ],
    [
      'a report for another nonce',
      'ledger/report-mismatch',
      async (l: Ledger) => l.registerReport({ ...fakeReport(createBootKeys().keysetEntries), nonce: NONCE }),
    ],
  ])('%s is refused: %s', async (_, code, attempt) => {
    const { ledger } = await start(directory());
    expect(await codeOf(attempt(ledger))).toBe(code);
  });

  test('nothing is sealed before a report is registered, or after its keyset expired', async () => {
    const { ledger, keys } = await start(directory(), { silent: true });
    expect(await codeOf(ledger.seal(open(ledger, 'a')))).toBe('ledger/report-missing');
    await ledger.registerReport(fakeReport(keys.keysetEntries, { notAfter: 1_795_219_200 }));
    expect(await codeOf(ledger.seal(open(ledger, 'b')))).toBe('ledger/report-missing');
  });

  test('changes commit with the receipt and move versions; a refused seal leaves the nonce and the state alone', async () => {
    const { ledger } = await start(directory());
    const set = (value: string | null, expectedVersion: number, nonce: string | null = null) =>
      ledger.seal(open(ledger, 'v', nonce), {
        changes: [{ collection: 'variables', key: 'rpc', expectedVersion, value: value === null ? null : utf8(value) }],
      });
    await set('one', 0);
    await set('two', 1);
    expect(await codeOf(set('lost', 1, NONCE))).toBe('ledger/conflict');
    expect(await ledger.readState('variables', 'rpc')).toEqual({ key: 'rpc', version: 2, value: utf8('two') });
    expect((await ledger.listState('variables')).length).toBe(1);
    await set(null, 2);
    expect(await ledger.readState('variables', 'rpc')).toBeNull();
  });

  test('tasks are listed as running, sealed or given up', async () => {
    const { ledger } = await start(directory());
    const running = open(ledger, 'long');
    await running.started;
    const given = open(ledger, 'refused', NONCE);
    await ledger.discard(given);
    await run(ledger, 'done', NONCE);
    const list = await ledger.list({ limit: 10 });
    expect(list.map(({ taskId, state, logIndex }) => [taskId, state, logIndex])).toEqual([
      ['done', 'sealed', 1],
      ['long', 'running', null],
    ]);
    expect((await ledger.list({ limit: 1, before: list[0]!.cursor })).map(({ taskId }) => taskId)).toEqual(['long']);
    expect((await ledger.findTask('long'))?.state).toBe('running');
    expect(await ledger.findTask('nobody')).toBeNull();
  });
});

describe('bundles', () => {
  test('two boots in one file, offline, redacted or not', async () => {
    const path = directory();
    const first = await start(path);
    const a = await run(first.ledger, 'a', NONCE);
    await first.close();
    const second = await start(path);
    const b = await run(second.ledger, 'b');
    const bytes = (await second.ledger.bundle([b.receiptId, a.receiptId]))!;
    const { receipts, evidence, checks, log } = await verifyBundle(bytes, { verifyEvidence });
    expect(receipts.map(({ receipt }) => receipt.receipt_id)).toEqual([a.receiptId, b.receiptId]);
    expect([evidence.length, log.size]).toEqual([2, 4]);
    expect(checks.filter(({ outcome }) => outcome !== 'pass').map(({ id }) => id)).toEqual(['bundle.witnessed']);
    expect(receipts[0]!.payloads.map(({ name, content }) => [name, decodeUtf8(content!)])).toEqual([
      ['attempt-1/code.py', 'print("a")'],
    ]);
    const redacted = (await second.ledger.bundle([a.receiptId, b.receiptId], { redact: true }))!;
    expect(redactBundle(bytes)).toEqual(redacted);
    const again = await verifyBundle(redacted, { verifyEvidence });
    expect(again.checks.find(({ id }) => id === 'bundle.payloads')?.outcome).toBe('not-checked');
    expect(parseBundle(bytes).reports[0]!.collateral.map(({ name }) => name)).toEqual(['crl.der']);
    expect(await second.ledger.bundle('rcpt_nobody')).toBeNull();
  });
});
