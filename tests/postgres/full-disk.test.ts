/**
 * A disk that fills under PostgreSQL, for real: a small file system in memory holds its tables or its write-ahead log. Nothing acknowledged is
 * lost, nothing half-written is in the log, and sealing goes on when there is room.
 */

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifyLogProof } from '@assay/receipt';
import { beforeAll, describe, expect, test } from 'vitest';
import { LedgerError } from '../../packages/ledger/src/errors.ts';
import type { Ledger } from '../../packages/ledger/src/port.ts';
import { checkLog } from '../../packages/ledger/src/upkeep/check-log.ts';
import { directory, open, run, start } from '../crash/test-ledger.ts';
import { HAS_POSTGRES, PostgresServer, postgresUser } from './server.ts';

const PAYLOAD_BYTES = 100_000;
const NONCE = 'cd'.repeat(32);

const MIB = 1024 * 1024;

interface SmallDisk {
  readonly path: string;
  /** Leaves room for `mib` MiB more than is used now. */
  readonly leave: (mib: number) => void;
  readonly remove: () => void;
}

/** A file system in memory that the server may write; `null` where none can be mounted. */
function smallDisk(): SmallDisk | null {
  const path = mkdtempSync(join(tmpdir(), 'assay-small-disk-'));
  const remove = () => {
    try {
      execFileSync('umount', ['--lazy', path], { stdio: 'pipe' });
    } catch {
      // it was never mounted
    }
    rmSync(path, { recursive: true, force: true });
  };
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512m', 'tmpfs', path], { stdio: 'pipe' });
  } catch {
    remove();
    return null;
  }
  const { uid, gid } = postgresUser();
  chmodSync(path, 0o700);
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
  const leave = (mib: number): void => {
    const { bsize, blocks, bfree } = statfsSync(path);
    const size = Math.ceil(((blocks - bfree) * bsize) / MIB) + mib;
    execFileSync('mount', ['-o', `remount,size=${size}m`, path], { stdio: 'pipe' });
  };
  return { path, leave, remove };
}

const probe = HAS_POSTGRES && process.env.ASSAY_TEST_DATABASE_URL === undefined ? smallDisk() : null;
probe?.remove();
if (HAS_POSTGRES && probe === null)
  process.stderr.write(
    'LEFT OUT: a full disk under PostgreSQL needs a server of its own, and root to mount a small file system\n',
  );

/** Seals large payloads until one is refused. */
async function fill(ledger: Ledger): Promise<{ readonly acknowledged: readonly string[]; readonly refused: string }> {
  const acknowledged: string[] = [];
  for (let i = 0; i < 2_000; i += 1) {
    const draft = open(ledger, `fills-${i}`);
    draft.payload('noise', 'application/octet-stream', randomBytes(PAYLOAD_BYTES));
    try {
      acknowledged.push((await ledger.seal(draft)).receiptId);
    } catch (error) {
      return { acknowledged, refused: LedgerError.is(error) ? error.code : String(error) };
    }
  }
  return { acknowledged, refused: 'nothing' };
}

describe.skipIf(probe === null)('a disk that fills under PostgreSQL', () => {
  const SETTINGS = ['max_wal_size=1GB', 'checkpoint_timeout=1h'];
  let server: PostgresServer;
  const disks: { tables: SmallDisk; log: SmallDisk } = {} as never;

  beforeAll(async () => {
    const [tables, log] = [smallDisk(), smallDisk()];
    if (tables === null || log === null) throw new Error('expected a file system that can be mounted, as before');
    Object.assign(disks, { tables, log });
    server = await PostgresServer.start(SETTINGS, ['--waldir', join(log.path, 'wal'), '--wal-segsize', '1']);
    await server.administer(`CREATE TABLESPACE small LOCATION '${tables.path}'`);
    return async () => {
      await server.end();
      server.remove();
      for (const disk of [tables, log]) disk.remove();
    };
  }, 60_000);

  test.each<{ readonly holds: 'tables' | 'log'; readonly codes: readonly string[] }>([
    { holds: 'tables', codes: ['ledger/full'] },
    // PostgreSQL ends itself when it cannot write ahead; the agent's connection breaks with it.
    { holds: 'log', codes: ['ledger/full', 'ledger/unavailable'] },
  ])(
    'with its $holds: a coded error, nothing acknowledged lost, and on with it when there is room',
    {
      timeout: 120_000,
    },
    async ({ holds, codes }) => {
      await server.administer(`CREATE DATABASE ${holds} TABLESPACE small`);
      const place = { directory: directory(), databaseUrl: server.url(holds) };
      const { ledger, keyset, close } = await start(place);
      const first = await run(ledger, 'first', NONCE);
      disks[holds].leave(4);
      const { acknowledged, refused } = await fill(ledger);
      expect(codes).toContain(refused);
      expect(acknowledged.length).toBeGreaterThan(5);

      disks[holds].leave(400);
      if (!server.runs) await server.run(SETTINGS);
      const sealAgain = (): Promise<string> =>
        run(ledger, 'after').then(
          ({ receiptId }) => receiptId,
          (error: unknown) => (LedgerError.is(error) ? error.code : String(error)),
        );
      await expect.poll(sealAgain, { timeout: 30_000, interval: 100 }).toMatch(/^rcpt_/);
      for (const id of [first.receiptId, ...acknowledged]) {
        const found = await ledger.find(id);
        await verifyLogProof(found!.receipt, found!.proof, { keyset, vkeys: ledger.verifierKeys });
      }
      await expect(run(ledger, 'again', NONCE)).rejects.toMatchObject({ code: 'ledger/nonce-reused' });
      await close();
      const { problems, receipts } = await checkLog(place);
      expect(problems).toEqual([]);
      expect(receipts).toBeGreaterThanOrEqual(acknowledged.length + 2);
    },
  );
});
