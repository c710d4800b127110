/** Every route stands in the authority table, the table holds nothing else, and the router enforces it. */

import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ROUTE_AUTHORITY } from '../../packages/server/src/http/route-authority.ts';
import { startTestAgent } from './agent.ts';

const API_KEY = 'correct-horse-battery-staple';
const OPERATOR_KEY = 'operator-key-of-this-test-only';
const KEYS = { ASSAY_API_KEY: API_KEY, ASSAY_OPERATOR_KEY: OPERATOR_KEY };
const ROWS = Object.entries(ROUTE_AUTHORITY);

/** A path that the pattern matches. */
const pathOf = (pattern: string): string =>
  pattern
    .replace(':path{.+}', 'tmp/a.txt')
    .replace(/:[a-z]+/g, 'x1')
    .replace('*', 'x1');

test('the table and the registered routes are the same, row by row', async () => {
  const agent = await startTestAgent();
  expect([...new Set(agent.routes)].sort()).toEqual(ROWS.map(([name]) => name).sort());
});

describe('with keys set', () => {
  test.each(ROWS)('%s is %s', async (name, authority) => {
    const agent = await startTestAgent({ environment: KEYS });
    const [method = '', pattern = ''] = name.split(' ');
    const ask = async (headers: Record<string, string>) => {
      const init = method === 'POST' ? { method, body: '{}' } : { method };
      return (await agent.request(pathOf(pattern), { ...init, headers, signal: AbortSignal.timeout(1_000) })).status === 401;
    };
    const refused = {
      nobody: await ask({}),
      wrongKey: await ask({ authorization: 'Bearer wrong' }),
      key: await ask({ authorization: `Bearer ${API_KEY}` }),
      operator: await ask({ 'x-operator-key': OPERATOR_KEY }),
    };
    expect(refused).toEqual(
      {
        public: { nobody: false, wrongKey: false, key: false, operator: false },
        key: { nobody: true, wrongKey: true, key: false, operator: true },
        operator: { nobody: true, wrongKey: true, key: true, operator: false },
      }[authority],
    );
  });

  test.each(['/nowhere', '/api/nowhere', '/v1/aci/sessions/a/b', '/API/receipts', '//api/receipts', '/health/'])(
    'an unlisted path needs the key: %s',
    async (path) => {
      const agent = await startTestAgent({ environment: KEYS });
      expect((await agent.request(path)).status).toBe(401);
    },
  );
});

test('no payload of a task can be read without the key, by hash or by name', async () => {
  const agent = await startTestAgent({ environment: KEYS, script: () => ({ stdout: 'PATIENT-4711\n' }) });
  const headers = { authorization: `Bearer ${API_KEY}` };
  const { body } = await agent.process({ type: 'execute', code: "print('PATIENT-4711')" }, {}, { headers });
  const sealed = await agent.ledger.find(body.receipt_id);
  const hashes = (sealed?.receipt.event_log ?? [])
    .flatMap((event) => Object.values(event))
    .filter((value): value is string => typeof value === 'string' && value.startsWith('sha256:'))
    .map((digest) => digest.slice('sha256:'.length));
  const guessed = createHash('sha256').update("print('PATIENT-4711')").digest('hex');
  expect(hashes.length).toBeGreaterThan(3);
  for (const path of ROWS.filter(([, authority]) => authority === 'public').map(([name]) => name.split(' ')[1] ?? '')) {
    for (const hash of [...hashes, guessed, body.receipt_id, body.task_id]) {
      const response = await agent.request(path.replace(/:[a-z]+|\*/, hash));
      expect([path, await response.text()]).toEqual([path, expect.not.stringContaining('PATIENT')]);
    }
  }
});

test("a stranger's methods and paths become no metric labels", async () => {
  const agent = await startTestAgent();
  for (let i = 0; i < 50; i += 1) await agent.request(`/made-up-${i}`, { method: `M${i}X` });
  for (let i = 0; i < 50; i += 1) await agent.request(`/api/tasks/t-${i}`);
  const series = (await (await agent.request('/metrics')).text())
    .split('\n')
    .filter((line) => line.startsWith('http_requests_total{'));
  expect(series.length).toBeLessThan(6);
  expect(series.join('\n')).not.toContain('made-up');
});
