/**
 * Many agents on one PostgreSQL are one log: no gap, no fork, no nonce twice, whichever of them answers; what one began is seen by all; and
 * a database that is not the one that was signed is refused.
 */

import { cpSync, rmSync } from 'node:fs';
import { decodeUtf8 } from '@assay/encoding/bytes';
import {
  authenticateBundle,
  decodeEntryBundle,
  parseCheckpoint,
  parseLeafText,
  verifyLeafChains,
  verifyLogProof,
} from '@assay/receipt';
import { believeFakeEvidence } from '@assay/testing';
import { afterAll, describe, expect, test } from 'vitest';
import { LedgerError } from '../../packages/ledger/src/errors.ts';
import type { Ledger } from '../../packages/ledger/src/port.ts';
import { atEnd, bundleBytes, codeOf, directory, open, postgresPlace, run, start } from '../crash/test-ledger.ts';
import { HAS_POSTGRES, PostgresServer, runSql } from './server.ts';

const NONCE = 'cd'.repeat(32);

async function leavesOf(ledger: Ledger) {
  const { size } = parseCheckpoint(await ledger.checkpoint());
  const entries: Uint8Array[] = [];
  for (let from = 0; from < size; from += 256) {
    const width = Math.min(256, size - from);
    const name = String(from / 256).padStart(3, '0');
    entries.push(...decodeEntryBundle((await ledger.tile(`tile/entries/${name}${width === 256 ? '' : `.p/${width}`}`))!));
  }
  return entries.map((entry) => parseLeafText(decodeUtf8(entry)));
}

describe.skipIf(!HAS_POSTGRES)('two agents on one database', () => {
  test('seal at the same time into one log, and each proves what the other sealed', async () => {
    const place = await postgresPlace();
    const agents = [await start(place), await start(place)];
    const sealed = await Promise.all(
      Array.from({ length: 400 }, async (_, i) => {
        const { ledger, keyset } = agents[i % 2]!;
        return { ...(await run(ledger, `task-${i}`)), keyset };
      }),
    );
    expect(sealed.map(({ proof }) => proof.index).sort((a, b) => a - b)).toEqual(Array.from({ length: 400 }, (_, i) => i + 2));
    for (const { receipt, proof, keyset } of sealed.slice(0, 40))
      await verifyLogProof(receipt, proof, { keyset, vkeys: agents[0]!.ledger.verifierKeys });
    const leaves = await leavesOf(agents[1]!.ledger);
    verifyLeafChains(leaves);
    expect([leaves.length, new Set(leaves.map(({ boot }) => boot)).size]).toEqual([402, 2]);
    const ids = sealed.slice(0, 6).map(({ receiptId }) => receiptId);
    for (const { ledger } of agents) {
      const { receipts, evidence } = await authenticateBundle((await bundleBytes(ledger, ids))!, {
        verifyEvidence: believeFakeEvidence,
      });
      expect([receipts.length, evidence.length]).toEqual([6, 2]);
    }
  });

  test('accept a nonce once, also at the same time', async () => {
    const place = await postgresPlace();
    const agents = [await start(place), await start(place)];
    for (let i = 0; i < 10; i += 1) {
      const nonce = i.toString(16).padStart(64, '0');
      const codes = await Promise.all(agents.map(({ ledger }) => codeOf(run(ledger, 'same', nonce))));
      expect(codes.sort()).toEqual(['ledger/nonce-reused', 'nothing thrown']);
      for (const { ledger } of agents)
        expect(await codeOf(async () => open(ledger, 'later', nonce).started)).toBe('ledger/nonce-reused');
    }
  });

  test('move a version once', async () => {
    const place = await postgresPlace();
    const agents = [await start(place), await start(place)];
    const change = { collection: 'counters', key: 'spent', value: Uint8Array.of(1) };
    for (let version = 0; version < 5; version += 1) {
      const seals = agents.map(({ ledger }) =>
        codeOf(ledger.seal(open(ledger, 'spend'), { changes: [{ ...change, expectedVersion: version }] })),
      );
      expect((await Promise.all(seals)).sort()).toEqual(['ledger/conflict', 'nothing thrown']);
      expect(await agents[0]!.ledger.readState('counters', 'spent')).toMatchObject({ version: version + 1 });
    }
  });

  test('show a task of the other as running, and as interrupted once the other has ended', async () => {
    const place = await postgresPlace();
    const [one, two] = [await start(place), await start(place)];
    await open(one.ledger, 'long').started;
    expect((await two.ledger.findTask('long'))?.state).toBe('running');
    await one.close();
    expect((await two.ledger.findTask('long'))?.state).toBe('interrupted');
  });

  test('do a job once, and hand it on when its agent goes', async () => {
    const place = await postgresPlace();
    const [one, two] = [await start(place), await start(place)];
    const did: string[] = [];
    const jobs = await Promise.all(
      Array.from({ length: 40 }, (_, i) => one.ledger.jobs.add({ queue: 'audit', payload: { i } })),
    );
    for (const { ledger } of [one, two])
      ledger.jobs.work('audit', async (job) => {
        did.push(job.id);
        return null;
      });
    for (const { id } of jobs) for await (const _ of two.ledger.jobs.watch(id, AbortSignal.timeout(30_000)));
    expect(did.sort()).toEqual(jobs.map(({ id }) => id).sort());
  });
});

describe.skipIf(!HAS_POSTGRES)('a start is refused', () => {
  test('with the key of another log', async () => {
    const place = await postgresPlace();
    await (await start(place)).close();
    expect(await codeOf(start({ ...place, directory: directory() }))).toBe('ledger/other-log');
  });

  test('on a log that is smaller than what was signed, or another one', async () => {
    const place = await postgresPlace();
    const first = await start(place);
    for (let i = 0; i < 5; i += 1) await run(first.ledger, `t-${i}`);
    await first.close();
    await runSql(place.databaseUrl, 'DELETE FROM entries; DELETE FROM tiles; UPDATE head SET size = 0, root = sha256($$$$)');
    expect(await codeOf(start(place))).toBe('ledger/rolled-back');
  });

  test.each<[string, string, string]>([
    ['a deleted entry', 'DELETE FROM entries WHERE idx = 1', 'ledger/corrupt'],
    ['a deleted tile', 'DELETE FROM tiles', 'ledger/corrupt'],
    ['another root', "UPDATE head SET root = sha256('x')", 'ledger/corrupt'],
    ['a later schema', "UPDATE meta SET value = '4711' WHERE key = 'schema'", 'ledger/schema-newer'],
  ])('after %s', async (_, sql, code) => {
    const place = await postgresPlace();
    const first = await start(place);
    await run(first.ledger, 'a');
    await first.close();
    await runSql(place.databaseUrl, sql);
    expect(await codeOf(start(place))).toBe(code);
  });

  test.each<[string, string, string]>([
    ['a URL of another kind', 'mysql://localhost/x', 'ledger/bad-database-url'],
    ['no URL', 'localhost', 'ledger/bad-database-url'],
    ['a server that is not there', 'postgres://user:hidden-word@127.0.0.1:1/x', 'ledger/unavailable'],
  ])('with %s, and the message has no password', async (_, databaseUrl, code) => {
    const error = await start({ directory: directory(), databaseUrl }).then(
      () => null,
      (cause: unknown) => cause,
    );
    expect(LedgerError.is(error) && error.code).toBe(code);
    expect(String((error as Error).message)).not.toContain('hidden-word');
  });
});

describe.skipIf(!HAS_POSTGRES)('a database that changes under a running agent', () => {
  test('went back: nothing is sealed any more', async () => {
    const place = await postgresPlace();
    const { ledger } = await start(place);
    await run(ledger, 'a');
    await runSql(
      place.databaseUrl,
      'DELETE FROM entries WHERE idx > 0; DELETE FROM tiles; INSERT INTO tiles SELECT 0, 0, sha256(decode($$00$$, $$hex$$) || convert_to(leaf, $$utf8$$)) FROM entries; UPDATE head SET size = 1, root = (SELECT hashes FROM tiles)',
    );
    expect(await codeOf(run(ledger, 'b'))).toBe('ledger/rolled-back');
    expect(await codeOf(run(ledger, 'c'))).toBe('ledger/rolled-back');
  });

  test('went another way: nothing is sealed any more', async () => {
    const place = await postgresPlace();
    const { ledger } = await start(place);
    await run(ledger, 'a', NONCE);
    await runSql(
      place.databaseUrl,
      'UPDATE tiles SET hashes = sha256($$x$$) || substr(hashes, 33); UPDATE head SET root = (SELECT sha256(decode($$01$$, $$hex$$) || hashes) FROM tiles)',
    );
    expect(await codeOf(run(ledger, 'b'))).toBe('ledger/forked');
  });
});

describe.skipIf(!HAS_POSTGRES || process.env.ASSAY_TEST_DATABASE_URL !== undefined)('a server of its own', () => {
  const servers: PostgresServer[] = [];
  afterAll(async () => {
    for (const server of servers) {
      await server.end();
      server.remove();
    }
  });
  const serve = async (settings: readonly string[] = []) => {
    const server = await PostgresServer.start(settings);
    servers.push(server);
    return server;
  };

  test('that does not sync what it acknowledges is refused', async () => {
    const server = await serve(['fsync=off']);
    const error = await codeOf(start({ directory: directory(), databaseUrl: server.url('postgres') }));
    expect(error).toBe('ledger/unavailable');
  });

  test('killed with all its processes under load: nothing acknowledged is lost, and sealing goes on', async () => {
    const server = await serve();
    const place = { directory: directory(), databaseUrl: server.url('postgres') };
    const { ledger, keyset } = await start(place);
    const acknowledged: string[] = [];
    const codes = new Set<string>();
    let alive = true;
    const load = Array.from({ length: 16 }, async (_, i) => {
      for (let n = 0; alive; n += 1) {
        const sealed = await run(ledger, `t-${i}-${n}`).catch((error: unknown) => {
          codes.add(LedgerError.is(error) ? error.code : String(error));
          return null;
        });
        if (sealed !== null) acknowledged.push(sealed.receiptId);
      }
    });
    for (let kill = 1; kill <= 3; kill += 1) {
      const before = acknowledged.length;
      while (acknowledged.length < before + 60) await new Promise((resolve) => setTimeout(resolve, 5));
      await server.kill();
      await server.run();
    }
    const before = acknowledged.length;
    while (acknowledged.length < before + 60) await new Promise((resolve) => setTimeout(resolve, 5));
    alive = false;
    await Promise.all(load);
    expect([...codes].filter((code) => code !== 'ledger/unavailable')).toEqual([]);
    verifyLeafChains(await leavesOf(ledger));
    for (const id of acknowledged) {
      const found = await ledger.find(id);
      await verifyLogProof(found!.receipt, found!.proof, { keyset, vkeys: ledger.verifierKeys });
    }
  });

  test('restored from a file copy of an earlier time: noticed at the next start', async () => {
    const server = await serve();
    const place = { directory: directory(), databaseUrl: server.url('postgres') };
    const first = await start(place);
    await run(first.ledger, 'a');
    await first.close();
    await server.end('SIGINT');
    cpSync(server.files, `${server.files}-copy`, { recursive: true, preserveTimestamps: true });
    atEnd(async () => rmSync(`${server.files}-copy`, { recursive: true, force: true }));
    await server.run();
    const second = await start(place);
    await run(second.ledger, 'b');
    await second.close();
    await server.end('SIGINT');
    server.restore(`${server.files}-copy`);
    await server.run();
    expect(await codeOf(start(place))).toBe('ledger/rolled-back');
  });
});
