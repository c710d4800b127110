/**
 * What every client command puts on the wire, byte by byte: first the question for the attestation, without any key; after the verdict only
 * sealed requests. A stranger and a redirect get the question and nothing else. The console's part stands in tests/browser.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect as dial, createServer as listen, type Server as TcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fenced, type OpenAiServer, startOpenAiServer, transcript } from '@assay/testing';
import { connect } from 'assay';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig, type RunningAgent, startAgent } from '../../packages/agent/src/index.ts';
import type { Io } from '../../packages/assay/src/command-line/io.ts';
import { run } from '../../packages/assay/src/command-line/program.ts';
import { createTools, toolSettings } from '../../packages/assay/src/mcp/tools.ts';

const API_KEY = 'sk-key-of-the-clients-01';
const OPERATOR_KEY = 'key-of-the-operator-0001';
const FILE = 'CONFIDENTIAL-ROW';
const WORDS = 'CONFIDENTIAL-QUESTION';

let directory = '';
let root = '';
let model: OpenAiServer;
let agent: RunningAgent;
let wire: TcpServer;
let tapped = '';
/** Bytes from clients to the agent, in the order in which they passed. */
const passed: string[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'assay-wire-'));
  writeFileSync(join(directory, 'rows.csv'), FILE);
  root = join(directory, 'data/simulated-root.pem');
  model = await startOpenAiServer({ answers: () => fenced('python', "print(open('/tmp/rows.csv').read())") });
  agent = await startAgent(
    parseConfig({
      AGENT_PORT: '0',
      ASSAY_DATA_DIR: join(directory, 'data'),
      ASSAY_LOG_LEVEL: 'silent',
      ASSAY_API_KEY: API_KEY,
      ASSAY_OPERATOR_KEY: OPERATOR_KEY,
      AI_PROVIDER: 'ollama',
      AI_API_BASE: model.base,
    }),
  );
  await agent.ready;
  const port = Number(new URL(agent.url).port);
  wire = listen((client) => {
    const server = dial(port, '127.0.0.1');
    client.on('data', (bytes) => passed.push(bytes.toString('latin1')));
    client.pipe(server).pipe(client);
    client.on('error', () => server.destroy());
    server.on('error', () => client.destroy());
  });
  await new Promise<void>((done) => wire.listen(0, '127.0.0.1', done));
  tapped = `http://127.0.0.1:${(wire.address() as AddressInfo).port}`;
}, 120_000);

afterAll(async () => {
  wire?.close();
  await agent?.close();
  await model?.close();
  rmSync(directory, { recursive: true, force: true });
});

beforeEach(() => {
  passed.length = 0;
});

const ENVIRONMENT = { ASSAY_API_KEY: API_KEY, ASSAY_OPERATOR_KEY: OPERATOR_KEY };

function ioOf(signal?: AbortSignal): Io & { readonly out: () => string; readonly err: () => string } {
  const io = transcript({ cwd: directory, now: 0, env: ENVIRONMENT, fetch: globalThis.fetch });
  return { ...io, now: () => Date.now(), ...(signal === undefined ? {} : { signal }) };
}

type Client = (url: string, trust: readonly string[]) => Promise<string>;

const command =
  (...args: readonly string[]): Client =>
  async (url, trust) => {
    const io = ioOf();
    const code = await run([...args.map((arg) => (arg === 'URL' ? url : arg)), ...trust], io);
    return `exit ${code}\n${io.out()}${io.err()}`;
  };

const tool =
  (
    call: (tools: ReturnType<typeof createTools>, url: string) => Promise<{ readonly content: readonly { text: string }[] }>,
  ): Client =>
  async (url, trust) => {
    const [, simulatedRoot] = trust;
    const settings = await toolSettings(ioOf(), { agent: url, ...(simulatedRoot === undefined ? {} : { simulatedRoot }) });
    const { content, ...result } = await call(createTools(ioOf(), settings), url);
    return `${'isError' in result ? 'error' : 'exit 0'}\n${content[0]?.text}`;
  };

/** A request through `assay proxy`, as any program of this machine sends it. */
const proxied =
  (path: string, body: object, expected: (answer: Response) => Promise<void>): Client =>
  async (url, trust) => {
    const stop = new AbortController();
    const io = ioOf(stop.signal);
    const ended = run(['proxy', url, '--port', '0', '--keep', 'proofs', ...trust], io);
    await expect.poll(() => `${io.out()}${io.err()}`, { timeout: 10_000 }).not.toBe('');
    const base = /ASSAY_URL=(\S+)/.exec(io.out())?.[1];
    if (base === undefined) return `exit ${await ended}\n${io.out()}${io.err()}`;
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${base}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    expect(answer.status).toBe(200);
    await expected(answer);
    await expect.poll(() => io.err(), { timeout: 10_000 }).toContain('✓');
    for (const spends of ['/api/v1/sign-transaction', '/api/v1/variables', '/api/operator/rotate-keys'])
      expect((await fetch(`${base}${spends}`, { method: 'POST', headers, body: '{}' })).status).toBe(404);
    stop.abort();
    return `exit ${await ended}\n${answer.status}`;
  };

const question = proxied(
  '/v1/chat/completions',
  { model: 'default', messages: [{ role: 'user', content: WORDS }] },
  async (answer) => {
    await answer.text();
  },
);

const task = proxied(
  '/api/process',
  { data: { type: 'execute', language: 'python', code: `print(${JSON.stringify(WORDS)})` } },
  async (answer) => {
    expect(await answer.json()).toMatchObject({ success: true, output: expect.stringContaining(WORDS) });
  },
);

const CLIENTS: readonly (readonly [string, Client])[] = [
  ['run', command('run', WORDS, '--url', 'URL', '--file', 'rows.csv', '--save', 'out')],
  ['ask', command('ask', 'URL', WORDS)],
  ['receipt', command('receipt', '--url', 'URL')],
  ['operator', command('operator', 'rotate-keys', '--url', 'URL')],
  ['proxy', question],
  ['proxy, a task', task],
  ['mcp ask_agent', tool((tools, url) => tools.askAgent({ url, question: WORDS }))],
  [
    'mcp run_task',
    tool((tools, url) => tools.runTask({ url, description: WORDS, language: 'python', files: { 'rows.csv': 'a\n1\n' } })),
  ],
];

/** Method and path of each request in the bytes of the wire. */
function requests(): readonly string[] {
  return [...passed.join('').matchAll(/(?:^|\n|(?<=[^ -~]))?((?:GET|POST|PUT|DELETE|HEAD) \/[^ ]*) HTTP\/1\.1\r\n/g)].map(
    ([, line]) => String(line).replace(/[0-9a-f]{64}/, 'NONCE'),
  );
}

const SECRETS = /authorization|x-operator-key|sk-key|key-of-the|CONFIDENTIAL|cookie/i;

describe('a verified agent', () => {
  it.each(CLIENTS)('%s: the attestation first, then nothing readable', { timeout: 60_000 }, async (_, client) => {
    const said = await client(tapped, ['--simulated-root', root]);
    expect(said).toMatch(/^exit 0\n/);
    const [first, ...others] = requests();
    expect(first).toBe('GET /v1/aci/attestation?nonce=NONCE');
    expect(others.length).toBeGreaterThan(0);
    expect([...new Set(others)]).toEqual(
      others.some((line) => line.startsWith('GET')) ? ['POST /ohttp', 'GET /v1/aci/attestation?nonce=NONCE'] : ['POST /ohttp'],
    );
    expect(passed.join('')).not.toMatch(SECRETS);
  });

  it('the SDK runs a task and gives files, bundle and verdict', { timeout: 60_000 }, async () => {
    const client = await connect(tapped, { trust: { simulatedRoot: readFileSync(root) }, apiKey: API_KEY });
    const run = client.run(
      { type: 'execute', code: "open('/tmp/made.txt','w').write('made'); print(open('/tmp/rows.csv').read())" },
      { files: { 'rows.csv': FILE }, language: 'python' },
    );
    const steps: string[] = [];
    for await (const { type } of run) steps.push(type);
    expect(steps).toEqual(expect.arrayContaining(['accepted', 'running', 'executed', 'sealing', 'logged', 'done']));
    const { outcome, stdout, files, receipt, bundle, verdict } = await run;
    expect({ outcome, stdout: stdout.trim() }).toEqual({ outcome: 'succeeded', stdout: FILE });
    expect(new TextDecoder().decode(files['made.txt'])).toBe('made');
    expect(verdict).toMatchObject({ outcome: 'accepted', simulated: true, type: 'bundle' });
    expect(verdict.checks.find(({ id }) => id === 'bundle.nonce')?.outcome).toBe('pass');
    const again = await client.attach(run.id);
    expect(again.receipt).toEqual(receipt);
    expect(again.stdout).toBe(stdout);
    expect(bundle.length).toBeGreaterThan(1000);
    expect((await run).answer.bundle_url).toBe(`${tapped}/bundles/${receipt.receipt_id}`);
    expect(passed.join('')).not.toMatch(SECRETS);
  });
});

describe('an agent that does not verify', () => {
  it.each(CLIENTS)('%s: nothing but the question for its attestation', { timeout: 60_000 }, async (_, client) => {
    expect(await client(tapped, [])).not.toMatch(/^exit 0\n/);
    expect(new Set(requests())).toEqual(new Set(['GET /v1/aci/attestation?nonce=NONCE']));
    expect(passed.join('')).not.toMatch(SECRETS);
  });
});

describe('a stranger', () => {
  let elsewhere: Server;
  let stranger: Server;
  let answer: 'page' | 'object' | 'redirect' | 'unauthorized' = 'page';
  const seen: string[] = [];
  const followed: string[] = [];

  beforeAll(async () => {
    elsewhere = createServer((request, response) => {
      followed.push(String(request.url));
      response.end('{}');
    });
    await new Promise<void>((done) => elsewhere.listen(0, '127.0.0.1', done));
    const there = `http://localhost:${(elsewhere.address() as AddressInfo).port}`;
    stranger = createServer((request, response) => {
      seen.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)}`);
      if (answer === 'redirect') response.writeHead(307, { location: `${there}${request.url}` }).end();
      else if (answer === 'unauthorized') response.writeHead(401, { 'www-authenticate': 'Bearer' }).end('{}');
      else response.end(answer === 'page' ? '<html>' : '{"status":"ok"}');
    });
    await new Promise<void>((done) => stranger.listen(0, '127.0.0.1', done));
  });

  afterAll(() => {
    stranger.close();
    elsewhere.close();
  });

  it.each(CLIENTS)('%s: gets a nonce, whatever it answers, and redirects no client', { timeout: 60_000 }, async (_, client) => {
    const url = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
    for (answer of ['page', 'object', 'redirect', 'unauthorized'] as const) {
      seen.length = 0;
      expect(await client(url, ['--simulated-root', root])).not.toMatch(/^exit 0\n/);
      expect(seen.length).toBeGreaterThan(0);
      for (const line of seen) {
        expect(line).toMatch(/^GET \/v1\/aci\/attestation\?nonce=[0-9a-f]{64} /);
        expect(line).not.toMatch(SECRETS);
      }
    }
    expect(followed).toEqual([]);
  });
});
