/** Pages of other addresses over plain HTTP: preflights, marked answers, and that nothing opens for pages the operator did not name. */

import { describe, expect, test } from 'vitest';
import { startTestAgent } from './agent.ts';

const KEY = 'k'.repeat(32);
const PAGE = 'https://app.example';
const environment = {
  ASSAY_API_KEY: KEY,
  ASSAY_OPERATOR_KEY: 'o'.repeat(32),
  ASSAY_ALLOWED_ORIGINS: `${PAGE}, http://localhost:5173/`,
};

const preflight = (origin: string, method = 'POST', headers = 'content-type'): RequestInit => ({
  method: 'OPTIONS',
  headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': headers },
});

describe('a page that the operator named', () => {
  test.each([PAGE, 'http://localhost:5173'])('%s: its preflight is answered without a key', async (origin) => {
    const agent = await startTestAgent({ environment });
    for (const path of ['/ohttp', '/v1/aci/attestation', '/api/process']) {
      const answer = await agent.request(path, preflight(origin));
      expect(answer.status).toBe(204);
      expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
      expect(answer.headers.get('vary')).toMatch(/origin/i);
      expect(answer.headers.get('access-control-allow-headers')).toMatch(/content-type/);
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
      expect(answer.headers.get('access-control-allow-headers')).not.toMatch(/operator/);
    }
  });

  test('reads public answers, and work only with the key', async () => {
    const agent = await startTestAgent({ environment });
    const report = await agent.request(`/v1/aci/attestation?nonce=${'ab'.repeat(32)}`, { headers: { origin: PAGE } });
    expect([report.status, report.headers.get('access-control-allow-origin')]).toEqual([200, PAGE]);
    expect(report.headers.get('access-control-expose-headers')).toMatch(/x-receipt-id/i);
    const closed = await agent.request('/api/receipts', { headers: { origin: PAGE } });
    expect([closed.status, closed.headers.get('access-control-allow-origin')]).toEqual([401, PAGE]);
    const open = await agent.request('/api/receipts', { headers: { origin: PAGE, authorization: `Bearer ${KEY}` } });
    expect(open.status).toBe(200);
  });
});

describe('any other page', () => {
  test.each([
    'https://evil.example',
    'https://app.example.evil.example',
    'http://app.example',
    'https://app.example:8443',
    'https://APP.example',
    'null',
  ])('%s is refused as before, without a mark', async (origin) => {
    const agent = await startTestAgent({ environment });
    for (const init of [preflight(origin), { headers: { origin, authorization: `Bearer ${KEY}` } }]) {
      const answer = await agent.request('/api/receipts', init);
      expect(answer.status).toBe(403);
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
      expect(await answer.json()).toMatchObject({
        code: 'http/bad-origin',
        detail: expect.stringContaining('ASSAY_ALLOWED_ORIGINS'),
      });
    }
  });

  test('and every page, where none was named', async () => {
    const agent = await startTestAgent({ environment: { ASSAY_API_KEY: KEY } });
    const answer = await agent.request('/ohttp', preflight(PAGE));
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([403, null]);
  });
});
