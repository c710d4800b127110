/** Every route that the router has is declared, with an authority that the router enforces. */

import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { nameOf, patternOf, type Route } from '../../packages/agent/src/http/route.ts';
import { startTestAgent } from './agent.ts';

const API_KEY = 'correct-horse-battery-staple';
const OPERATOR_KEY = 'operator-key-of-this-test-only';
const KEYS = { ASSAY_API_KEY: API_KEY, ASSAY_OPERATOR_KEY: OPERATOR_KEY };
/** Who is refused, by what the route declares. */
const REFUSED: Readonly<Record<Route['authority'], object>> = {
  public: { keyless: false, wrongKey: false, key: false, operator: false },
  key: { keyless: true, wrongKey: true, key: false, operator: true },
  operator: { keyless: true, wrongKey: true, key: true, operator: false },
};

/** A path that the route answers. */
const pathOf = ({ path }: Route): string => path.replace('{path+}', 'tmp/a.txt').replaceAll(/\{[a-z]+\+?\}/g, 'x1');

test('the declared and the registered routes are the same', async () => {
  const { handlers, routes } = await startTestAgent();
  const declared = routes.map(({ method, path }) => `${method.toUpperCase()} ${patternOf(path)}`);
  expect([...new Set(handlers)].sort()).toEqual(declared.sort());
  expect(routes.length).toBeGreaterThan(40);
});

describe('with keys set', () => {
  test('every route refuses those whom it declares to refuse', async () => {
    const agent = await startTestAgent({ environment: KEYS });
    const found: [string, object][] = [];
    for (const route of agent.routes) {
      const ask = async (headers: Record<string, string>): Promise<boolean> => {
        const method = route.method.toUpperCase();
        const init = method === 'POST' ? { method, body: '{}' } : { method };
        const signal = AbortSignal.timeout(route.path.endsWith('/events') ? 100 : 2_000); // events wait for tasks to come
        return (await agent.request(pathOf(route), { ...init, headers, signal })).status === 401;
      };
      const refused = {
        keyless: await ask({}),
        wrongKey: await ask({ authorization: 'Bearer wrong' }),
        key: await ask({ authorization: `Bearer ${API_KEY}` }),
        operator: await ask({ 'x-operator-key': OPERATOR_KEY }),
      };
      found.push([nameOf(route), refused]);
    }
    expect(found).toEqual(agent.routes.map((route) => [nameOf(route), REFUSED[route.authority]]));
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
  for (const { path } of agent.routes.filter(({ authority }) => authority === 'public')) {
    for (const hash of [...hashes, guessed, body.receipt_id, body.task_id]) {
      const response = await agent.request(path.replace(/\{[a-z]+\+?\}/, hash));
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
