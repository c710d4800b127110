/** The server of the page that draws a running comparison: what it hands out, to whom, and in which order. */

import { request } from 'node:http';
import { connect } from 'node:net';
import type { ConsoleFiles } from '@assay/agent';
import { utf8 } from '@assay/encoding/bytes';
import type { ComparisonFrame, ComparisonProgress } from '@assay/models';
import { expectRefusal } from '@assay/testing';
import { afterEach, expect, it } from 'vitest';
import { type LiveView, startLiveView } from './live-view.ts';

const files: ConsoleFiles = new Map([
  ['/comparison.html', { bytes: utf8('<p>page</p>'), mediaType: 'text/html' }],
  ['/assets/a.js', { bytes: utf8('1'), mediaType: 'text/javascript' }],
]);
const headers = { 'content-security-policy': "default-src 'none'" };
const frame: ComparisonFrame = {
  ...{ reference: 'a.gguf', candidate: 'b', tier: 'logprobs', mode: 'quick', tolerance: 0.01, maxQueries: 120 },
  ...{ bounds: { different: 4.6, same: 4.6 }, ladder: [{ name: 'Q8_0', variation: 0.004, inside: true }] },
};
const step: ComparisonProgress = { type: 'step', step: { score: 0, logDifferent: -0.1, logSame: 0.4 } };

const open: LiveView[] = [];
afterEach(async () => {
  for (const view of open.splice(0)) await view.close();
});
async function start(port = 0): Promise<LiveView> {
  const view = await startLiveView({ files, headers, port });
  open.push(view);
  return view;
}

function ask(view: LiveView, path: string, more: { readonly host?: string; readonly method?: string } = {}) {
  const { hostname, port, host } = new URL(view.url);
  return new Promise<{ readonly status: number; readonly policy: unknown; readonly text: string }>((resolve, reject) => {
    const asked = request(
      { hostname, port, path, method: more.method ?? 'GET', headers: { host: more.host ?? host } },
      (response) => {
        let text = '';
        response.on('data', (piece: Buffer) => {
          text += piece.toString();
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, policy: response.headers['content-security-policy'], text }),
        );
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}

it.each([
  ['its page', '/comparison.html', {}, 200],
  ['its page at the root', '/', {}, 200],
  ['a file of the page', '/assets/a.js?x=1', {}, 200],
  ['a file that the console does not have', '/assets/b.js', {}, 404],
  ['a path of the machine', '/../../etc/passwd', {}, 404],
  ['another method', '/', { method: 'POST' }, 405],
  ['another name of this machine', '/', { host: 'evil.example' }, 403],
  ['a name that begins like it', '/', { host: '127.0.0.1.evil.example' }, 403],
  ['its events under another name', '/comparison/events', { host: 'evil.example:80' }, 403],
] as const)('answers %s', async (_, path, more, status) => {
  const answer = await ask(await start(), path, more);
  expect([answer.status, answer.policy]).toEqual([status, headers['content-security-policy']]);
});

it('tells a late reader all of the running comparison, and what follows, until it ends', async () => {
  const view = await start();
  view.show({ type: 'note', text: 'of an earlier round' });
  view.show({ type: 'plan', frame });
  view.show(step);
  const heard = ask(view, '/comparison/events');
  await expect.poll(() => ask(view, '/').then(({ status }) => status)).toBe(200);
  view.show(step);
  const outcome = { verdict: 'UNDECIDED', reason: 'interrupted' } as never;
  view.show({ type: 'ended', outcome, record: 'comparison.json', last: true });
  await view.close();
  open.length = 0;
  const events = (await heard).text
    .split('\n\n')
    .filter(Boolean)
    .map((event) => JSON.parse(event.replace(/^data: /, '')) as ComparisonProgress);
  expect(events.map(({ type }) => type)).toEqual(['plan', 'step', 'step', 'ended']);
  expect(events[0]).toEqual({ type: 'plan', frame });
});

it('keeps a bounded number of events, and the last one', async () => {
  const view = await start();
  view.show({ type: 'plan', frame });
  for (let index = 0; index < 10_050; index += 1) view.show(step);
  view.show({ type: 'ended', outcome: {} as never, record: 'comparison.json', last: true });
  const heard = ask(view, '/comparison/events');
  await expect.poll(() => ask(view, '/').then(({ status }) => status)).toBe(200);
  await view.close();
  open.length = 0;
  const events = (await heard).text.split('\n\n').filter(Boolean);
  expect(events).toHaveLength(10_001);
  expect(events.at(-1)).toContain('"ended"');
});

it.each([
  ['sends nothing', ''],
  ['sends half a request line', 'GET /comp'],
])('ends with an open page while another client %s', async (_, sent) => {
  const view = await start();
  const { port } = new URL(view.url);
  const socket = connect(Number(port), '127.0.0.1');
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.write(sent, () => resolve()));
  const heard = ask(view, '/comparison/events');
  await expect.poll(() => ask(view, '/').then(({ status }) => status)).toBe(200);
  await view.close();
  open.length = 0;
  expect((await heard).status).toBe(200);
  await closed;
});

it('is refused without a built console, and on a port that is taken', async () => {
  await expectRefusal(startLiveView({ files: new Map(), headers, port: 0 }), 'cli/bad-option', ['--live', 'build:web']);
  const { url } = await start();
  await expectRefusal(start(Number(new URL(url).port)), 'cli/bad-option', ['--live', 'name another one']);
});
