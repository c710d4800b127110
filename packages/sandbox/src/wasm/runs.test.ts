import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type JsonRpcServer, startJsonRpcServer } from '@assay/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wasmTestLane } from '../../../../tests/lanes/wasm-lane.ts';
import { digestEnvironment } from '../claim.ts';
import type { SandboxJob, SandboxResult } from '../port.ts';
import { replayExecution } from '../replay.ts';

const SEED = '07'.repeat(32);
const EPOCH = 1_750_000_000_000;
const { sandbox, events, run, javascript: js, python: py } = wasmTestLane();

describe('events, limits and cancelling', () => {
  it('stream numbered without gaps, the result last', async () => {
    const seen = await events({
      language: 'javascript',
      code: "console.log('a'); console.error('b'); require('fs').writeFileSync('c', 'd')",
    });
    expect(seen.map(({ type }) => type)).toEqual(['started', 'stdout', 'stderr', 'artifact', 'result']);
    expect(seen.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3, 4]);
  });

  it('say which limit was met', async () => {
    const seen = await events({ language: 'javascript', code: "console.log('begun'); for (;;) {}", limits: { wallMs: 300 } });
    expect(seen.find(({ type }) => type === 'limit')).toMatchObject({ limit: 'wallMs' });
    const last = seen.at(-1);
    expect(last).toMatchObject({
      type: 'result',
      result: { status: 'timeout', stdout: { text: 'begun\n' }, claim: { reproducibility: 'none' } },
    });
  });

  it('count processor time', async () => {
    const result = await js('for (;;) {}', { limits: { cpuMs: 200, wallMs: 20_000 } });
    expect(result.status).toBe('timeout');
    expect(result.error?.message).toContain('processor time');
  });

  it('keep the beginning of too much output', async () => {
    const result = await py("while True: print('x' * 1000)", { limits: { outputBytes: 5000, wallMs: 20_000 } });
    expect(result.status).toBe('output-limit');
    expect(result.stdout).toMatchObject({ truncated: true });
    expect(Buffer.byteLength(result.stdout.text)).toBe(5000);
    expect(createHash('sha256').update(result.stdout.text).digest('hex')).toBe(result.claim.stdoutSha256);
  });

  it.each(['javascript', 'python'] as const)('stop at once when cancelled: %s', async (language) => {
    const abort = new AbortController();
    const code = language === 'python' ? 'while True: pass' : 'for (;;) {}';
    const done = run({ language, code, signal: abort.signal });
    setTimeout(() => abort.abort(), 300);
    const started = performance.now();
    const result = await done;
    expect([result.status, result.error?.name]).toEqual(['killed', 'sandbox/cancelled']);
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it('cancel jobs that still wait', async () => {
    const busy = [js('for (;;) {}', { limits: { wallMs: 500 } }), js('for (;;) {}', { limits: { wallMs: 500 } })];
    const abort = new AbortController();
    const waiting = js('1', { signal: abort.signal });
    abort.abort();
    expect((await waiting).error?.name).toBe('sandbox/cancelled');
    await Promise.all(busy);
  });
});

describe('reproducibility', () => {
  const noisy: Readonly<Record<'javascript' | 'python', string>> = {
    javascript: `
const crypto = require('crypto');
console.log(Math.random(), Date.now(), new Date().toISOString(), performance.now(), globalThis.crypto.randomUUID());
console.log(crypto.randomBytes(4).toString('hex'), crypto.randomUUID(), [...globalThis.crypto.getRandomValues(new Uint8Array(4))]);
await new Promise((done) => setTimeout(done, 15));
console.log(Date.now(), Object.keys({ b: 1, a: 2 }), Date());`,
    python: `
import os, random, secrets, time, uuid, datetime, tempfile
print(random.random(), os.urandom(4).hex(), uuid.uuid4(), secrets.token_hex(4), time.time(), datetime.datetime.now())
print(hash('text'), {'b', 'a', 'c'}, time.perf_counter(), tempfile.mkstemp()[1])
time.sleep(1.5)
print(time.time(), object.__hash__(1) == object.__hash__(1))`,
  };
  it.each(['javascript', 'python'] as const)(
    'the same seed and clock give the same claim, others do not: %s',
    async (language) => {
      const job: SandboxJob = { language, code: noisy[language], seed: SEED, epochMs: EPOCH };
      const [a, b, other, later] = await Promise.all([
        run(job),
        run(job),
        run({ ...job, seed: '08'.repeat(32) }),
        run({ ...job, epochMs: EPOCH + 1000 }),
      ]);
      expect(a.error).toBeNull();
      expect(a.stdout.text).toContain(language === 'python' ? '2025-06-15' : '2025-06-15T15:06:40');
      expect(b.stdout.text).toBe(a.stdout.text);
      expect(b.claimDigest).toBe(a.claimDigest);
      expect(a.claim).toMatchObject({
        reproducibility: 'bit-exact',
        entropy: 'seeded',
        clock: { mode: 'frozen', epochMs: EPOCH },
        seed: SEED,
      });
      expect(other.stdout.text).not.toBe(a.stdout.text);
      expect(later.stdout.text).not.toBe(a.stdout.text);
    },
  );

  it('a cold start gives what a warm one gives', async () => {
    const job: SandboxJob = { language: 'python', code: noisy.python, seed: SEED, epochMs: EPOCH };
    const [warm, cold] = [await run(job), await run({ ...job, limits: { memoryBytes: 400 << 20 } })];
    expect(cold.observed.warm).toBe(false);
    expect(cold.stdout.text).toBe(warm.stdout.text);
  });

  it('seeds differ from run to run when none is given', async () => {
    const [a, b] = await Promise.all([js('Math.random()'), js('Math.random()')]);
    expect(a.value).not.toBe(b.value);
  });

  it('an environment is published with its digest', () => {
    const { environment, environmentDigest } = sandbox().capabilities;
    expect(digestEnvironment(JSON.parse(JSON.stringify(environment)))).toBe(environmentDigest);
    expect(environment).toMatchObject({
      deno: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      pyodide: { snapshot_sha256: expect.any(String) },
    });
  });
});

describe('network', () => {
  let node: JsonRpcServer;
  let web: Server;
  let host: string;
  beforeAll(async () => {
    node = await startJsonRpcServer({ '0x742d35cc6634c0532925a3b844bc454e4438f44e': 1_500_000_000_000_000_000n });
    web = createServer((request, response) => {
      if (request.url === '/hop') response.writeHead(302, { location: '/end' }).end();
      else if (request.url === '/away') response.writeHead(302, { location: 'http://169.254.169.254/' }).end();
      else {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () =>
          response
            .setHeader('x-seen', request.method ?? '')
            .end(JSON.stringify({ path: request.url, body: Buffer.concat(chunks).toString() })),
        );
      }
    });
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    host = `127.0.0.1:${(web.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    web.close();
    await node.close();
  });

  it('gives the balance of the seed, and the recording replays without the network', async () => {
    const code = `const { ethers } = require('ethers');

const provider = new ethers.JsonRpcProvider('${node.url}');
const address = '0x742d35Cc6634C0532925a3b844Bc454e4438f44e';

const balance = await provider.getBalance(address);
const formatted = ethers.formatEther(balance);

console.log(\`Address: \${address}\`);
console.log(\`Balance: \${formatted} ETH\`);
formatted;`;
    const result = await js(code, { network: { allow: [node.host] } });
    expect(result.error).toBeNull();
    expect(result.stdout.text).toContain('Balance: 1.5 ETH\n');
    expect(result.value).toBe('1.5');
    expect(result.claim).toMatchObject({ network: { mode: 'record' }, reproducibility: 'bit-exact' });
    const asked = node.calls.length;
    const report = await replayExecution({ claim: result.claim, code, inputs: [], transcript: result.network }, sandbox());
    expect(report.differences).toEqual([]);
    expect(report.outcome).toBe('identical');
    expect(report.result.claimDigest).toBe(result.claimDigest);
    expect(node.calls.length).toBe(asked);
    const forged = result.network.map((entry) => ({
      ...entry,
      responseBody: Buffer.from(Buffer.from(entry.responseBody).toString().replace('14d1120d7b160000', '24d1120d7b160000')),
    }));
    const wrong = await replayExecution({ claim: result.claim, code, inputs: [], transcript: forged }, sandbox());
    expect(wrong.outcome).toBe('differs');
    expect(wrong.differences.map(({ what }) => what)).toEqual(['stdout', 'network']);
    const other = await replayExecution(
      { claim: result.claim, code: `${code}\n//`, inputs: [], transcript: result.network },
      sandbox(),
    );
    expect(other.differences.map(({ what }) => what)).toContain('code');
  });

  it('reaches allowed hosts from JavaScript, several at once, redirects followed', async () => {
    const code = `
const all = await Promise.all(['/a', '/hop', '/c'].map((path) => fetch('http://${host}' + path).then((r) => r.json())));
console.log(all.map(({ path }) => path).join());
const posted = await fetch('http://${host}/p', { method: 'POST', body: 'hello' });
console.log(posted.status, posted.headers.get('x-seen'), (await posted.json()).body);`;
    const result = await js(code, { network: { allow: [host] } });
    expect(result.error).toBeNull();
    expect(result.stdout.text).toBe('/a,/end,/c\n200 POST hello\n');
    expect(result.network.map(({ url }) => new URL(url).pathname)).toEqual(['/a', '/hop', '/c', '/end', '/p']);
  });

  it('reaches allowed hosts from Python: urllib, requests, pyfetch', async () => {
    const code = `
import json, urllib.request, requests
with urllib.request.urlopen('http://${host}/u?x=1') as reply:
    print(reply.status, json.load(reply)['path'])
print(json.load(urllib.request.urlopen(urllib.request.Request('http://${host}/v', data=b'body')))['body'])
print(json.load(urllib.request.urlopen('http://${host}/hop'))['path'])
reply = requests.post('http://${host}/r', json={'a': 1}, params={'q': 'z'}, timeout=5)
print(reply.status_code, reply.json(), reply.headers['X-Seen'])
from pyodide.http import pyfetch
print((await (await pyfetch('http://${host}/p')).json())['path'])
try:
    requests.get('http://${host}/away')
except requests.exceptions.RequestException as error:
    print('refused', 'sandbox/network-refused' in str(error))`;
    const result = await py(code, { network: { allow: [host] } });
    expect(result.error).toBeNull();
    expect(result.stdout.text).toBe(
      "200 /u?x=1\nbody\n/end\n200 {'path': '/r?q=z', 'body': '{\"a\": 1}'} POST\n/p\nrefused True\n",
    );
    const report = await replayExecution({ claim: result.claim, code, inputs: [], transcript: result.network }, sandbox());
    expect(report.outcome).toBe('identical');
  });

  it.each<[string, SandboxJob]>([
    ['no network at all: JavaScript', { language: 'javascript', code: "await fetch('http://127.0.0.1:1/')" }],
    [
      'another host: JavaScript',
      { language: 'javascript', code: "await fetch('http://127.0.0.1:1/')", network: { allow: ['127.0.0.1:2'] } },
    ],
    [
      'no network at all: Python',
      { language: 'python', code: "import urllib.request; urllib.request.urlopen('https://example.org/')" },
    ],
    [
      'another host: Python',
      { language: 'python', code: "import requests; requests.get('http://127.0.0.1:1/')", network: { allow: ['127.0.0.1:2'] } },
    ],
  ])('refuses %s', async (_name, job) => {
    const result = await run(job);
    expect(result.status).toBe('error');
    expect(result.error?.message).toContain('sandbox/network-refused');
  });
});

describe('sessions', () => {
  it('keep names, imports and files of JavaScript cells', async () => {
    const cell = (code: string, previousClaim: string | null): Promise<SandboxResult> =>
      js(code, { session: { id: 'js', previousClaim } });
    const first = await cell(
      "const { join } = require('path'); let n = 1; function twice(x) { return 2 * x }\nclass A { hi() { return 'hi' } }\nrequire('fs').writeFileSync('f', 'x')",
      null,
    );
    expect(first.error).toBeNull();
    expect(first.claim.sessionPrevious).toBeNull();
    const second = await cell(
      "n += 1; const [p, { q }] = [5, { q: 6 }]; console.log(join('a', 'b'), twice(n), new A().hi(), String(require('fs').readFileSync('f')))",
      first.claimDigest,
    );
    expect(second.error).toBeNull();
    expect(second.stdout.text).toBe('a/b 4 hi x\n');
    expect(second.artifacts).toEqual([]);
    expect(second.claim.sessionPrevious).toBe(first.claimDigest);
    const failed = await cell('p + q + nothing', second.claimDigest);
    expect(failed.error?.name).toBe('ReferenceError');
    expect((await cell('p + q', failed.claimDigest)).value).toBe('11');
    const stale = await cell('n', first.claimDigest);
    expect([stale.status, stale.error?.name]).toEqual(['rejected', 'sandbox/session-mismatch']);
    const fresh = await cell('typeof n', null);
    expect(fresh.value).toBe('undefined');
  });

  it('keep state of Python cells, chain their claims, and replay', async () => {
    const codes = ['import random\nx = 40', 'x += 2\nprint(x, random.random())', 'x'];
    const done: SandboxResult[] = [];
    for (const code of codes)
      done.push(await py(code, { session: { id: 'py', previousClaim: done.at(-1)?.claimDigest ?? null } }));
    expect(done.map(({ value }) => value)).toEqual([null, null, '42']);
    const recorded = done.map((result, index) => ({
      claim: result.claim,
      code: codes[index] ?? '',
      inputs: [],
      transcript: [],
    }));
    const [first, second, third] = recorded;
    if (!first || !second || !third) throw new Error('expected three cells');
    expect((await replayExecution({ ...second, earlier: [first] }, sandbox())).outcome).toBe('identical');
    expect((await replayExecution(third, sandbox())).outcome).toBe('inconclusive');
  });

  it('are lost when a cell is stopped, and say so', async () => {
    const first = await js('var a = 1', { session: { id: 'lost', previousClaim: null } });
    const stuck = await js('for (;;) {}', {
      session: { id: 'lost', previousClaim: first.claimDigest },
      limits: { wallMs: 300 },
    });
    expect(stuck.status).toBe('timeout');
    const after = await js('a', { session: { id: 'lost', previousClaim: stuck.claimDigest } });
    expect(after.error?.name).toBe('sandbox/session-lost');
  });
});
