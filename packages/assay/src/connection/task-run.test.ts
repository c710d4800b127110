/**
 * A task over a line that breaks, and agents that do not tell the truth: steps are taken up where they stopped, and no result comes out
 * whose bundle does not verify.
 */

import { expectCode, expectRefusal, FAKE_NOW, sealedAgent } from '@assay/testing';
import { expect, test } from 'vitest';
import { connect } from './connect.ts';

const STREAM = { headers: { 'content-type': 'text/event-stream' } };
/** Members that some step has. */
const MEMBERS = {
  ...{ task: 'execute', receipt_id: 'rcpt_1', title: 'x', attempt: 1, model: 'm', provider: 'p', recorded: false },
  ...{ language: 'python', code: 'x', source: 'model', success: true, status: 'succeeded', error: null },
};
const step = (sequence: number, type: string): string =>
  `id: ${sequence}\ndata: ${JSON.stringify({ ...MEMBERS, type, sequence, at: 1 })}\n\n`;

type Answer = (request: Request, path: string) => Response | Promise<Response>;

async function open(answer: Answer) {
  const asked: string[] = [];
  const bodies: string[] = [];
  const agent = await sealedAgent({
    answer: async (request) => {
      const path = new URL(request.url).pathname.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, 'ID');
      const last = request.headers.get('last-event-id');
      asked.push(`${request.method} ${path}${last === null ? '' : ` after ${last}`}`);
      if (request.method === 'POST') bodies.push(await request.clone().text());
      return answer(request, path);
    },
  });
  const client = await connect('https://agent.example', {
    trust: { simulatedRoot: agent.root },
    fetch: agent.fetch,
    now: () => FAKE_NOW,
    apiKey: 'sk-secret',
  });
  return { client, asked, bodies, line: agent.line };
}

const ACCEPTED = (): Response => Response.json({ status: 'running' }, { status: 202 });

/** A body that breaks after its text, as a connection does. */
function breaking(text: string): Response {
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode(text)),
    pull: (controller) => controller.error(new TypeError('terminated')),
  });
  return new Response(body, STREAM);
}

test('steps go on behind the last one seen when the line breaks, each once, for every reader', async () => {
  const streams = [
    () => breaking(step(1, 'accepted') + step(2, 'writing')),
    () => new Response(step(2, 'writing') + step(3, 'code'), STREAM),
    () => new Response(step(4, 'done'), STREAM),
  ];
  const { client, asked } = await open((request, path) => {
    if (request.method === 'POST') return ACCEPTED();
    return path.endsWith('/events') ? (streams.shift() ?? ACCEPTED)() : Response.json({ status: 'failed', result: null });
  });
  const run = client.run('x');
  const readers = [0, 1].map(async () => {
    const seen: string[] = [];
    const failure = await (async () => {
      for await (const { type } of run) seen.push(type);
    })().catch((error: { code?: string }) => error.code);
    return { seen, failure };
  });
  for (const { seen, failure } of await Promise.all(readers)) {
    expect(seen).toEqual(['accepted', 'writing', 'code', 'done']);
    expect(failure).toBe('client/task-lost');
  }
  expect(asked.slice(1, 4)).toEqual([
    'GET /api/tasks/ID/events',
    'GET /api/tasks/ID/events after 2',
    'GET /api/tasks/ID/events after 3',
  ]);
});

test('files, context and language travel sealed; nothing of them and no key is on the line', async () => {
  const { client, bodies, line } = await open(() =>
    Response.json({ detail: 'no more today', code: 'server/busy' }, { status: 429 }),
  );
  const run = client.run('count my secret customers', {
    files: { 'secret.csv': new Uint8Array([1, 2, 3]), 'notes.txt': 'a secret' },
    language: 'javascript',
    context: { secret: 1 },
    maxRetries: 0,
  });
  await expectRefusal(run, 'client/agent-refused', ['answered 429: no more today']);
  expect(JSON.parse(bodies[0] ?? '')).toMatchObject({
    task_id: run.id,
    nonce: expect.stringMatching(/^[0-9a-f]{64}$/),
    data: {
      type: 'ai_generate_and_execute',
      description: 'count my secret customers',
      language: 'javascript',
      context: { secret: 1 },
      max_retries: 0,
      files: [
        { path: '/tmp/secret.csv', content_base64: 'AQID' },
        { path: '/tmp/notes.txt', content_base64: 'YSBzZWNyZXQ=' },
      ],
    },
  });
  expect(line.join('\n')).not.toMatch(/secret|authorization|api\/process/i);
});

test('a request of any type goes as it is', async () => {
  const { client, bodies } = await open(() => Response.json({}, { status: 400 }));
  await expectCode(client.run({ type: 'shell', command: 'ls' }), 'client/agent-refused');
  expect(JSON.parse(bodies[0] ?? '').data).toEqual({ type: 'shell', command: 'ls' });
});

test.each<[string, Answer, string, readonly string[]]>([
  [
    'steps that end early, again and again',
    (_, path) => (path.endsWith('/events') ? new Response(': x\n\n', STREAM) : ACCEPTED()),
    'client/answer-incomplete',
    ['ended before the task', 'attach to it again'],
  ],
  [
    'steps that are none',
    (_, path) => (path.endsWith('/events') ? new Response('data: {"type":4}\n\n', STREAM) : ACCEPTED()),
    'client/answer-malformed',
    ['expected a step'],
  ],
  [
    'a bundle that is none',
    (_, path) => {
      if (path.endsWith('/events')) return new Response(step(1, 'done'), STREAM);
      if (path.startsWith('/bundles/')) return Response.json({ format: 'assay-bundle/1' });
      return path === '/api/process' ? ACCEPTED() : Response.json({ result: { success: true, receipt_id: 'rcpt_1' } });
    },
    'client/proof-refused',
    ['is malformed', 'do not rely'],
  ],
])('an agent with %s: %s', { timeout: 30_000 }, async (_, answer, code, words) => {
  const { client } = await open(answer);
  await expectRefusal(client.run('x'), code, words);
});

test('a signal cancels the task at the agent', async () => {
  const { client, asked } = await open((request, path) => {
    if (request.method === 'DELETE') return Response.json({ status: 'cancelling' }, { status: 202 });
    return path.endsWith('/events') ? new Response(new ReadableStream(), STREAM) : ACCEPTED();
  });
  const stop = new AbortController();
  const run = client.run('x', { signal: stop.signal });
  await expect.poll(() => asked.length).toBe(2);
  stop.abort(new Error('enough'));
  await expect(run).rejects.toThrow();
  await expect.poll(() => asked.at(-1)).toBe('DELETE /api/tasks/ID');
});
