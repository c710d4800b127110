/** No key leaves before the verdict, whichever kind of service is asked and however it answers. */

import { startRedpillServer } from '@assay/testing';
import { expect, onTestFinished, test } from 'vitest';
import { connect } from '../connection/connect.ts';
import { openUpstream, UPSTREAM_KINDS } from './open-upstream.ts';

const KEY = 'sk-secret-key';

/** Everything that left, as text, and how it was to be sent. */
function stranger(answer: (url: URL) => Response | Promise<Response>) {
  const sent: { readonly text: string; readonly redirect: RequestRedirect }[] = [];
  const carry: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const headers = JSON.stringify([...request.headers]);
    sent.push({
      text: `${request.method} ${request.url} ${headers} ${await request.clone().text()}`,
      redirect: request.redirect,
    });
    return answer(new URL(request.url));
  };
  return { sent, fetch: carry };
}

const ANSWERS: readonly (readonly [string, (url: URL) => Response | Promise<Response>])[] = [
  ['a page', () => new Response('<html>')],
  ['an object', () => Response.json({ status: 'ok' })],
  ['a list of models', () => Response.json({ data: [{ id: 'm' }] })],
  ['that a key is needed', () => Response.json({ error: { message: 'key needed' } }, { status: 401 })],
  ['that it is elsewhere', (url) => Response.redirect(`https://other.example${url.pathname}`, 307)],
  ['that it is away', () => new Response(null, { status: 503 })],
  ['nothing', () => Promise.reject(new TypeError('fetch failed'))],
];

test.each(ANSWERS)('a stranger that says %s gets no key and no second address', async (_, answer) => {
  for (const name of UPSTREAM_KINDS) {
    const { sent, fetch } = stranger(answer);
    await expect(openUpstream(new URL('https://stranger.example'), { fetch, apiKey: KEY }, name)).rejects.toThrow();
    await expect(connect('https://stranger.example', { fetch, apiKey: KEY })).rejects.toThrow();
    expect(sent.length).toBeGreaterThanOrEqual(2);
    for (const { text, redirect } of sent) {
      expect(text).toMatch(/^GET https:\/\/stranger\.example\//);
      expect(text.toLowerCase()).not.toMatch(/sk-secret|authorization|cookie/);
      expect(redirect).toBe('error');
    }
  }
});

test('a verified service gets the key after its report, and one that hides its report only on demand', async () => {
  for (const reportNeedsKey of [false, true]) {
    const server = await startRedpillServer({ apiKey: KEY, reportNeedsKey });
    onTestFinished(server.close);
    const [simulatedRoot] = await server.anchors();
    const trust = { trust: { simulatedRoot: simulatedRoot! }, apiKey: KEY, collateral: { services: { intel: server.origin } } };
    const asked = openUpstream(new URL(server.origin), trust, 'redpill');
    if (reportNeedsKey) {
      await expect(asked).rejects.toThrow(/no key is sent before|name one/);
      expect(server.requests.some(({ headers }) => headers.authorization !== undefined)).toBe(false);
      await openUpstream(new URL(server.origin), { ...trust, keyBeforeVerdict: true }, 'redpill');
      const keys = server.requests.map(({ url, headers }) => [url.split('?')[0], headers.authorization]);
      expect(keys).toContainEqual(['/v1/attestation/report', `Bearer ${KEY}`]);
      continue;
    }
    const upstream = await asked;
    expect(server.requests.some(({ headers }) => headers.authorization !== undefined)).toBe(false);
    await upstream.forward(new Request('http://127.0.0.1/v1/models'));
    expect(server.requests.at(-1)?.headers.authorization).toBe(`Bearer ${KEY}`);
  }
});

test.each(['redpill', 'near-ai', 'dstack-vllm', 'tinfoil'])(
  'client/channel-unbound: %s over plain HTTP would show the key to everybody between',
  async (kind) => {
    const { sent, fetch } = stranger(() => new Response('<html>'));
    const opened = openUpstream(new URL('http://service.example'), { fetch, apiKey: KEY }, kind);
    await expect(opened).rejects.toMatchObject({ code: 'client/channel-unbound', message: expect.stringContaining('https') });
    expect(sent).toEqual([]);
  },
);
