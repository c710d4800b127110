/**
 * What agents on one database share and what each has for itself (docs/store.md, "Many agents, one service"), with a data directory for each, as
 * on several machines: keys and the simulated root are one and a stranger is refused; notebook sessions and workspaces are the agent's own.
 */

import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { verify } from 'assay';
import { describe, expect, test } from 'vitest';
import { createSimulatedAttester } from '../../packages/agent/src/adapters/attesters/simulated/simulated.ts';
import { agreeOnRoot } from '../../packages/agent/src/identity/join-fleet.ts';
import { parseConfig, type RunningAgent, startAgent } from '../../packages/agent/src/index.ts';
import { atEnd, codeOf, directory, postgresPlace, start } from '../crash/test-ledger.ts';
import { HAS_POSTGRES } from './server.ts';

const KEYS = ['log-key.json', 'data-key.json'];
const ROOT = ['simulated-root.pem', 'simulated-root-key.pem'];

/** A fresh data directory with some files of another. */
function copied(from: string, names: readonly string[]): string {
  const to = directory();
  for (const name of names) copyFileSync(join(from, name), join(to, name));
  return to;
}

describe.skipIf(!HAS_POSTGRES)('agents with data directories of their own', () => {
  test('need the log key and the data key of the first: with one of them alone, or none, each is refused', async () => {
    const place = await postgresPlace();
    await start(place);
    const startWith = (names: readonly string[]) => codeOf(start({ ...place, directory: copied(place.directory, names) }));
    expect(await startWith([])).toBe('ledger/other-log');
    for (const key of KEYS) expect(await startWith([key]), `${key} alone`).toBe('ledger/other-log');
    expect(await startWith(KEYS)).toBe('nothing thrown');
  });

  test('show one simulated root: another is refused, the copied one is believed as the first', async () => {
    const place = await postgresPlace();
    const one = await start(place);
    const first = await createSimulatedAttester({ directory: place.directory });
    await agreeOnRoot(one.ledger, first);
    const other = copied(place.directory, KEYS);
    const two = await start({ ...place, directory: other });
    const stranger = await createSimulatedAttester({ directory: directory() });
    expect(await codeOf(agreeOnRoot(two.ledger, stranger))).toBe('attester/simulated-root-broken');
    const second = await createSimulatedAttester({ directory: copied(place.directory, ROOT) });
    expect(await codeOf(agreeOnRoot(two.ledger, second))).toBe('nothing thrown');
    const { evidence } = await second.attest({ statementDigest: new Uint8Array(32), nonce: null, channelPublicKey: null });
    const document = Buffer.from(String((evidence as { readonly document: string }).document), 'base64');
    const outcome = async (attester: { readonly rootCertificate: string }) =>
      (await verify(document, { trust: { simulatedRoot: attester.rootCertificate } })).claims?.type ?? 'not authentic';
    expect([await outcome(first), await outcome(stranger)]).toEqual(['nitro', 'not authentic']);
  });

  test('keep notebook sessions and workspaces to themselves, and share what came of them', { timeout: 180_000 }, async () => {
    const place = await postgresPlace();
    const startOne = async (at: string): Promise<RunningAgent> => {
      const settings = { AGENT_PORT: '0', ASSAY_DATA_DIR: at, ASSAY_LOG_LEVEL: 'silent', AI_PROVIDER: 'recorded' };
      const agent = await startAgent(parseConfig({ ...settings, DATABASE_URL: place.databaseUrl }));
      atEnd(() => agent.close(0));
      return agent;
    };
    const one = await startOne(place.directory);
    const two = await startOne(copied(place.directory, [...KEYS, ...ROOT]));
    await Promise.all([one.ready, two.ready]);
    const work = async ({ url }: RunningAgent, data: object) => {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${url}/api/process`, { method: 'POST', headers, body: JSON.stringify({ data }) });
      return (await answer.json()) as {
        readonly success: boolean;
        readonly receipt_id: string;
        readonly code?: string;
        readonly data?: { readonly execution_count?: number; readonly outputs?: unknown; readonly content?: string };
      };
    };
    const cell = (agent: RunningAgent, code: string) => work(agent, { type: 'jupyter', session_id: 'shared-name', code });
    expect((await cell(one, 'x = 41')).data?.execution_count).toBe(1);
    const elsewhere = await cell(two, 'print(x)');
    expect([elsewhere.success, elsewhere.data?.execution_count]).toEqual([false, 1]);
    expect(JSON.stringify(elsewhere.data?.outputs)).toContain('NameError');
    const goesOn = await cell(one, 'print(x + 1)');
    expect([goesOn.data?.execution_count, JSON.stringify(goesOn.data?.outputs)]).toEqual([2, expect.stringContaining('42')]);

    const written = await work(one, { type: 'file_write', path: '/tmp/a.txt', content: 'of one' });
    expect(written.success).toBe(true);
    expect((await work(one, { type: 'file_read', path: '/tmp/a.txt' })).data?.content).toBe('of one');
    expect((await work(two, { type: 'file_read', path: '/tmp/a.txt' })).success).toBe(false);
    for (const { url } of [one, two])
      for (const { receipt_id } of [goesOn, elsewhere, written])
        expect((await fetch(`${url}/v1/aci/receipts/${receipt_id}`)).status).toBe(200);
  });
});
