// The ledger over every engine: what is sealed verifies offline, what is refused says why (spec/log.md, spec/bundle.md).
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import {
  authenticateBundle,
  decodeEntryBundle,
  hashLeaf,
  keysetDigest,
  parseBundle,
  parseCheckpoint,
  parseLeafText,
  parseVerifierKey,
  redactBundle,
  verifyCheckpoint,
  verifyLeafChains,
  verifyLogProof,
  verifyReceiptSignature,
} from '@assay/receipt';
import { believeFakeEvidence, fakeReport } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { bundleBytes, codeOf, ENGINES, NOW, open, run, start } from '../../../tests/crash/test-ledger.ts';
import { LedgerError } from './errors.ts';
import { createLedger } from './ledger.ts';
import type { Ledger, SealedReceipt, StoredBytes } from './port.ts';
import { createSigningKeys } from './signing-keys.ts';
import type { LogStore } from './store.ts';
import { readStored } from './stored-bytes.ts';

const NONCE = 'ab'.repeat(32);
const verifyEvidence = believeFakeEvidence;

const next = () => {
  const keys = createSigningKeys();
  return { ...fakeReport(keys.keysetEntries), keys };
};

const textOf = async (stored: Promise<StoredBytes | null>) => decodeUtf8(await readStored((await stored)!, 1024));

describe.each(ENGINES)('on $engine', ({ place }) => {
  describe('sealing', () => {
    test('a receipt comes back signed, proven and kept', async () => {
      const { ledger, keyset } = await start(await place());
      const { receipt, proof, receiptId } = await run(ledger, 'task-1', NONCE);
      await verifyReceiptSignature(receipt, keyset);
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
      expect(await textOf(ledger.payload(found!, kept.hash))).toBe('print("task-1")');
    });

    test('a hash alone opens no payload: only the receipt that kept it does, and only session documents stand open', async () => {
      const { ledger } = await start(await place());
      const secret = open(ledger, 'secret');
      const hash = secret.payload('prompt', 'text/plain', utf8('the patient'));
      const sealed = await ledger.seal(secret);
      const other = open(ledger, 'other');
      const session = other.session('upstream-session', utf8('{"upstream":"x"}'));
      const stranger = await ledger.seal(other);
      const id = (digest: string) => digest.slice('sha256:'.length);
      expect(await textOf(ledger.payload(sealed, hash))).toBe('the patient');
      expect(await ledger.payload(stranger, hash)).toBeNull();
      expect(await ledger.session(id(hash))).toBeNull();
      expect(await textOf(ledger.session(id(session)))).toBe('{"upstream":"x"}');
      for (const odd of ['', '0'.repeat(64), id(hash).toUpperCase(), `${id(hash)}0`, '../log'])
        expect(await ledger.session(odd)).toBeNull();
    });

    test('64 at once: one log, no gap, every proof holds', async () => {
      const { ledger, keyset } = await start(await place());
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
      const { ledger } = await start(await place(), { origin: 'agent.example/log' });
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
        async (l: Ledger) => l.registerReport({ ...fakeReport(createSigningKeys().keysetEntries), keys: createSigningKeys() }),
      ],
      [
        'a report for another nonce',
        'ledger/report-mismatch',
        async (l: Ledger) => l.registerReport({ ...next(), nonce: NONCE }),
      ],
    ])('%s is refused: %s', async (_, code, attempt) => {
      const { ledger } = await start(await place());
      expect(await codeOf(attempt(ledger))).toBe(code);
    });

    test('nothing is sealed before a report is registered, or after its keyset expired', async () => {
      const { ledger, keys } = await start(await place(), { silent: true });
      expect(await codeOf(ledger.seal(open(ledger, 'a')))).toBe('ledger/report-missing');
      await ledger.registerReport({ ...fakeReport(keys.keysetEntries, { notAfter: 1_795_219_200 }), keys });
      expect(await codeOf(ledger.seal(open(ledger, 'b')))).toBe('ledger/report-missing');
    });

    test('changes commit with the receipt and move versions; a refused seal leaves the nonce and the state alone', async () => {
      const { ledger } = await start(await place());
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
      const { ledger } = await start(await place());
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
      expect(await ledger.findTask('unknown')).toBeNull();
    });
  });

  describe('succession', () => {
    const chain = async (ledger: Ledger, size: number) => {
      const entries = decodeEntryBundle((await ledger.tile(`tile/entries/000.p/${size}`))!);
      const leaves = entries.map((entry) => parseLeafText(decodeUtf8(entry)));
      verifyLeafChains(leaves);
      return leaves.map(({ kind }) => kind);
    };

    test('64 receipts over two successions: none lost, each under the keyset in force, all in one bundle', async () => {
      const { ledger, keyset } = await start(await place());
      const keysets = [keyset];
      const sealed: Promise<SealedReceipt>[] = [];
      for (let i = 0; i < 64; i++) {
        sealed.push(run(ledger, `task-${i}`, i === 0 ? NONCE : null));
        if (i % 24 !== 20) continue;
        const following = next();
        await ledger.succeed(following, () => keysets.push(following.keyset));
      }
      const all = await Promise.all(sealed);
      for (const { receipt, proof } of all) {
        const own = keysets.find((each) => keysetDigest(each) === receipt.workload_keyset_digest)!;
        await verifyReceiptSignature(receipt, own);
        await verifyLogProof(receipt, proof, { keyset: own, vkeys: ledger.verifierKeys });
      }
      expect(new Set(all.map(({ receipt }) => receipt.workload_keyset_digest)).size).toBe(keysets.length);
      const bundle = (await bundleBytes(
        ledger,
        all.map(({ receiptId }) => receiptId),
      ))!;
      const { checks, receipts } = await authenticateBundle(bundle, { verifyEvidence });
      expect(receipts.length).toBe(all.length);
      expect(checks.find(({ id }) => id === 'bundle.succession')).toMatchObject({ outcome: 'pass' });
      const ends = (await bundleBytes(ledger, [all[0]!.receiptId, all.at(-1)!.receiptId]))!;
      expect(parseBundle(ends).reports.length, 'the keysets on the way are there').toBe(keysets.length);
      await authenticateBundle(ends, { verifyEvidence });
      expect(parseBundle((await bundleBytes(ledger, all[0]!.receiptId))!).successions).toEqual([]);
    });

    test('report, then the last leaf of the old keyset, then the new one; publishing and sealing change in one turn', async () => {
      const { ledger, keyset } = await start(await place());
      const following = next();
      let seen: Promise<SealedReceipt> | null = null;
      await run(ledger, 'before');
      await ledger.succeed(following, () => {
        seen = run(ledger, 'in the same turn');
      });
      const { receipt } = await seen!;
      expect(receipt.workload_keyset_digest).toBe(keysetDigest(following.keyset));
      expect(receipt.workload_keyset_digest).not.toBe(keysetDigest(keyset));
      expect(await chain(ledger, 5)).toEqual(['report', 'receipt', 'report', 'succession', 'receipt']);
    });

    test('a keyset that was replaced, or is over, signs nothing any more', async () => {
      const { ledger, store, keyset } = await start(await place(), { notAfter: Math.floor(NOW / 1000) + 60 });
      const entry = {
        receiptId: 'r',
        taskId: 't',
        task: 'x',
        startedAt: 1,
        access: null,
        body: '{}',
        chatId: null,
        nonce: null,
      };
      const sealAt = (digest: string, time: number) =>
        store.seal({ ...entry, keysetDigest: digest, time, payloads: [], changes: [] });
      const following = next();
      await ledger.succeed(following, () => undefined);
      expect(await codeOf(sealAt(keysetDigest(keyset), NOW))).toBe('ledger/keyset-ended');
      expect(await codeOf(sealAt(keysetDigest(following.keyset), following.keyset.not_after * 1000))).toBe(
        'ledger/keyset-ended',
      );
      expect(
        await codeOf(store.logSuccession({ keysetDigest: keysetDigest(keyset), successor: `sha256:${NONCE}`, time: NOW })),
      ).toBe('ledger/keyset-ended');
      expect(await chain(ledger, 3)).toEqual(['report', 'report', 'succession']);
    });

    test('the receipt key of a replaced keyset is no longer held', async () => {
      setFlagsFromString('--expose_gc');
      const collect = runInNewContext('gc') as () => void;
      const { ledger } = await start(await place(), { silent: true });
      const first = async () => {
        const registration = next();
        await ledger.registerReport(registration);
        return [registration.keys.receipt, registration.keys.leaf].map(({ privateKey }) => new WeakRef(privateKey));
      };
      const weak = await first();
      await run(ledger, 'a');
      await ledger.succeed(next(), () => undefined);
      for (let n = 0; n < 20 && weak.some((ref) => ref.deref() !== undefined); n += 1) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        collect();
      }
      expect(weak.map((ref) => ref.deref())).toEqual([undefined, undefined]);
    });

    test('a report that cannot be logged changes nothing', async () => {
      const { ledger, keyset } = await start(await place());
      let published = 0;
      const unlisted = { ...fakeReport(createSigningKeys().keysetEntries), keys: createSigningKeys() };
      expect(await codeOf(ledger.succeed(unlisted, () => (published += 1)))).toBe('ledger/report-mismatch');
      expect(published).toBe(0);
      await verifyReceiptSignature((await run(ledger, 'after')).receipt, keyset);
    });

    test('before any report there is nothing to follow', async () => {
      const { ledger } = await start(await place(), { silent: true });
      expect(await codeOf(ledger.succeed(next(), () => undefined))).toBe('ledger/report-missing');
    });

    test('a last leaf that could not be written is written before anything else', async () => {
      const { store, keys } = await start(await place());
      let full = true;
      const short: LogStore = {
        ...store,
        logSuccession: (entry) => (full ? Promise.reject(new LedgerError('ledger/full', 'full')) : store.logSuccession(entry)),
      };
      const ledger = createLedger({ store: short, clock: { now: () => NOW } });
      await ledger.registerReport({ ...fakeReport(keys.keysetEntries), keys });
      const following = next();
      expect(await codeOf(ledger.succeed(following, () => undefined))).toBe('ledger/full');
      full = false;
      await verifyReceiptSignature((await run(ledger, 'when there is room')).receipt, following.keyset);
      expect(await chain(ledger, 5)).toEqual(['report', 'report', 'report', 'succession', 'receipt']);
    });
  });

  describe('bundles', () => {
    test('two boots in one file, offline, redacted or not', async () => {
      const path = await place();
      const first = await start(path);
      const a = await run(first.ledger, 'a', NONCE);
      await first.close();
      const second = await start(path);
      const b = await run(second.ledger, 'b');
      const bytes = (await bundleBytes(second.ledger, [b.receiptId, a.receiptId]))!;
      const { receipts, evidence, checks, log } = await authenticateBundle(bytes, { verifyEvidence });
      expect(receipts.map(({ receipt }) => receipt.receipt_id)).toEqual([a.receiptId, b.receiptId]);
      expect([evidence.length, log.size]).toEqual([2, 4]);
      expect(checks.filter(({ outcome }) => outcome !== 'pass').map(({ id }) => id)).toEqual(['bundle.witnessed']);
      expect(receipts[0]!.payloads.map(({ name, content }) => [name, decodeUtf8(content!)])).toEqual([
        ['attempt-1/code.py', 'print("a")'],
      ]);
      const redacted = (await bundleBytes(second.ledger, [a.receiptId, b.receiptId], { redact: true }))!;
      expect(redactBundle(bytes)).toEqual(redacted);
      const again = await authenticateBundle(redacted, { verifyEvidence });
      expect(again.checks.find(({ id }) => id === 'bundle.payloads')?.outcome).toBe('not-checked');
      expect(parseBundle(bytes).reports[0]!.collateral.map(({ name }) => name)).toEqual(['crl.der']);
      expect(await bundleBytes(second.ledger, 'rcpt_unknown')).toBeNull();
    });
  });
});
