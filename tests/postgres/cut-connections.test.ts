/**
 * The connection breaks around a commit, when the wire does not tell whether it happened: the next connection finds out. What happened
 * is answered as sealed, once; what did not is refused, and the same draft can be sealed again.
 */

import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { parseInclusion, verifyLogProof } from '@assay/receipt';
import { describe, expect, test } from 'vitest';
import { checkLog } from '../../packages/ledger/src/upkeep/check-log.ts';
import { atEnd, codeOf, open, postgresPlace, run, start } from '../crash/test-ledger.ts';
import { HAS_POSTGRES } from './server.ts';

type Cut = 'never' | 'before the commit' | 'after the commit';

/** Stands between agent and server; `cut` says what happens to the next COMMIT of a transaction that appends. */
class CuttingProxy {
  cut: Cut = 'never';
  cuts = 0;
  readonly #sockets = new Set<Socket>();

  async listen(socketPath: string): Promise<number> {
    const server = createServer((client) => {
      const upstream = connect(socketPath);
      let appends = false;
      for (const each of [client, upstream]) {
        this.#sockets.add(each);
        each.on('error', () => undefined);
        each.on('close', () => {
          client.destroy();
          upstream.destroy();
          this.#sockets.delete(each);
        });
      }
      client.on('data', (bytes) => {
        const text = bytes.toString('latin1');
        appends ||= text.includes('entries_in') || text.includes('append\0');
        if (this.cut === 'never' || !appends || !text.includes('COMMIT')) {
          upstream.write(bytes);
          return;
        }
        const { cut } = this;
        this.cut = 'never';
        this.cuts += 1;
        if (cut === 'before the commit') {
          upstream.destroy();
          return;
        }
        upstream.removeAllListeners('data');
        upstream.once('data', () => client.destroy()); // the server has committed; its answer goes nowhere
        upstream.write(bytes);
      });
      upstream.on('data', (bytes) => client.write(bytes));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    atEnd(async () => {
      server.close();
      this.all();
    });
    return (server.address() as { port: number }).port;
  }

  /** Cuts every connection. */
  all(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

async function proxied() {
  const place = await postgresPlace();
  const url = new URL(place.databaseUrl);
  const proxy = new CuttingProxy();
  const port = await proxy.listen(join(url.searchParams.get('host') ?? '', '.s.PGSQL.5432'));
  const databaseUrl = `postgres://${url.username}@127.0.0.1:${port}${url.pathname}`;
  return { place, proxy, started: await start({ ...place, databaseUrl }) };
}

describe.skipIf(!HAS_POSTGRES || process.env.ASSAY_TEST_DATABASE_URL !== undefined)('the connection breaks', () => {
  test('after the commit: the receipt is sealed, once, and proven', async () => {
    const { place, proxy, started } = await proxied();
    const { ledger, keyset } = started;
    await run(ledger, 'a');
    proxy.cut = 'after the commit';
    const { receipt, proof } = await run(ledger, 'b', 'aa'.repeat(32));
    expect(proxy.cuts).toBe(1);
    await verifyLogProof(receipt, proof, { keyset, vkeys: ledger.verifierKeys });
    expect(parseInclusion(proof.proof).index).toBe(2);
    expect((await run(ledger, 'c')).proof.index).toBe(3);
    expect(await checkLog(place)).toMatchObject({ size: 4, problems: [] });
  });

  test('before the commit: nothing was sealed, and the same draft can be', async () => {
    const { place, proxy, started } = await proxied();
    const { ledger } = started;
    const draft = open(ledger, 'b', 'bb'.repeat(32));
    await draft.started;
    proxy.cut = 'before the commit';
    expect(await codeOf(ledger.seal(draft))).toBe('ledger/unavailable');
    expect(proxy.cuts).toBe(1);
    expect((await ledger.seal(draft)).proof.index).toBe(1);
    expect(await checkLog(place)).toMatchObject({ size: 2, problems: [] });
  });

  test('everywhere at once and again, under load: nothing acknowledged is lost, nothing is sealed twice', async () => {
    const { place, proxy, started } = await proxied();
    const { ledger } = started;
    const acknowledged: string[] = [];
    let alive = true;
    const load = Array.from({ length: 8 }, async (_, i) => {
      for (let n = 0; alive; n += 1) {
        const sealed = await run(ledger, `t-${i}-${n}`).catch(() => null);
        if (sealed !== null) acknowledged.push(sealed.receiptId);
      }
    });
    for (let cut = 0; cut < 8; cut += 1) {
      const before = acknowledged.length;
      while (acknowledged.length < before + 20) await new Promise((resolve) => setTimeout(resolve, 2));
      if (cut % 2 === 0) proxy.all();
      else proxy.cut = cut % 4 === 1 ? 'after the commit' : 'before the commit';
    }
    alive = false;
    await Promise.all(load);
    const check = await checkLog(place);
    expect(check.problems).toEqual([]);
    expect(new Set(acknowledged).size).toBe(acknowledged.length);
    for (const id of acknowledged) expect(await ledger.find(id), id).not.toBeNull();
  });
});
