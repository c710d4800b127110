import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type JsonRpcServer, startJsonRpcServer } from '@assay/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sandbox, SandboxEvent, SandboxJob, SandboxResult } from '../../../ports/sandbox.ts';
import { digestClaim, digestEnvironment } from '../claim.ts';
import { replayExecution } from '../replay.ts';
import { wasmLane } from './lane.ts';

// One place for all runs of the tests, so that the snapshot is made once.
const directory = fileURLToPath(new URL('../../../../../../node_modules/.cache/assay-tests', import.meta.url));
const SEED = '07'.repeat(32);
const EPOCH = 1_750_000_000_000;
let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await wasmLane.open({ directory, warm: 1, concurrency: 2 });
}, 120_000);
afterAll(() => sandbox.close());

async function events(job: SandboxJob): Promise<readonly SandboxEvent[]> {
  const seen: SandboxEvent[] = [];
  for await (const event of sandbox.run(job)) seen.push(event);
  return seen;
}

async function run(job: SandboxJob): Promise<SandboxResult> {
  const last = (await events(job)).at(-1);
  if (last?.type !== 'result') throw new Error('expected a result');
  return last.result;
}

const js = (code: string, more: Partial<SandboxJob> = {}): Promise<SandboxResult> =>
  run({ language: 'javascript', code, ...more });
const py = (code: string, more: Partial<SandboxJob> = {}): Promise<SandboxResult> => run({ language: 'python', code, ...more });
const text = (file: { readonly bytes: Uint8Array } | undefined): string => Buffer.from(file?.bytes ?? []).toString();

describe('JavaScript', () => {
  it.each<[string, string, string]>([
    ['formats as Node does', "console.log('a', { b: 'c', d: [1, 2] }, null)", "a { b: 'c', d: [ 1, 2 ] } null\n"],
    ['awaits at top level', "console.log(await Promise.resolve('x'))", 'x\n'],
    [
      'waits for a main that nobody awaited',
      "async function main() { await null; setTimeout(() => console.log('late'), 5) }\nmain()",
      'late\n',
    ],
    [
      'fires timers in due order',
      'setTimeout(() => console.log(2), 20); setTimeout(() => console.log(1), 2); setImmediate(() => console.log(0))',
      '0\n1\n2\n',
    ],
    [
      'clears timers',
      "const t = setInterval(() => { console.log('t'); clearInterval(t) }, 1); clearTimeout(setTimeout(() => console.log('no'), 1).unref())",
      't\n',
    ],
    [
      'imports as a module',
      "import fs, { readFileSync } from 'node:fs';\nimport * as path from 'path';\nfs.writeFileSync('x', 'y'); console.log(readFileSync('/tmp/x', 'utf8'), path.basename('/a/b'))",
      'y b\n',
    ],
    ['imports on demand', "const { join } = await import('node:path'); console.log(join('a', 'b'))", 'a/b\n'],
    ['takes exports', 'export const a = 1;\nexport default function f() { return a }\nconsole.log(f())', '1\n'],
    ['reads standard input', "console.log(require('fs').readFileSync(0, 'utf8').trim())", 'given\n'],
    ['reads arguments', 'console.log(process.argv.slice(2).join())', 'one,two\n'],
    ['has no environment of the host', 'console.log(Object.keys(process.env).sort().join())', 'HOME,LANG,TZ\n'],
    [
      'works with files',
      "const fs = require('fs'); fs.mkdirSync('/tmp/d/e', { recursive: true }); fs.writeFileSync('/tmp/d/e/f', 'q'); fs.appendFileSync('/tmp/d/e/f', 'r'); console.log(fs.readdirSync('/tmp/d'), fs.existsSync('/tmp/d/e/f'), String(fs.readFileSync('/tmp/d/e/f'))); fs.rmSync('/tmp/d', { recursive: true }); console.log(fs.existsSync('/tmp/d'))",
      "[ 'e' ] true qr\nfalse\n",
    ],
    [
      'has pure built-ins',
      "console.log(require('crypto').createHash('sha256').update('a').digest('hex').slice(0, 8), Buffer.from('a').toString('base64'))",
      'ca978112 YQ==\n',
    ],
    [
      'measures moving time',
      'const t = performance.now(); const d = performance.now() - t; console.log(d > 0 && d < 1)',
      'true\n',
    ],
    [
      'writes as streams do',
      "process.stdout.write('a'); process.stdout.write(Buffer.from('b')); console.error('not here')",
      'ab',
    ],
  ])('%s', async (_name, code, output) => {
    const result = await js(code, { stdin: 'given\n', argv: ['one', 'two'] });
    expect(result.error).toBeNull();
    expect(result.stdout.text).toBe(output);
    expect(result.status).toBe('ok');
  });

  it.each<[string, string, string | null]>([
    ['a string', "const a = 1;\n'text';", 'text'],
    ['an object', '({ a: 1 })', '{ a: 1 }'],
    ['a comment after it', '6 * 7 // answer', '42'],
    ['a promise', 'Promise.resolve(7)', '7'],
    ['nothing', 'const a = 1;', null],
    ['undefined', 'void 0', null],
  ])('shows %s as value', async (_name, code, value) => {
    expect((await js(code)).value).toBe(value);
  });

  it.each<[string, string, string, RegExp, number]>([
    [
      'a thrown error',
      'function f() {\n  throw new TypeError("bad")\n}\nf()',
      'TypeError',
      /^TypeError: bad\n {4}at f \(main\.js:2:9\)\n {4}at main\.js:4:1$/,
      1,
    ],
    ['an error on the first line', 'null.x', 'TypeError', /at main\.js:1:6$/, 1],
    ['something thrown that is no error', 'throw { a: 1 }', 'Error', /a: 1/, 1],
    ['a rejection nobody caught', 'Promise.reject(new RangeError("r"))', 'RangeError', /RangeError: r/, 1],
    ['an error in a timer', 'setTimeout(() => { throw new Error("t") }, 1)', 'Error', /Error: t/, 1],
    ['a syntax error', 'const a = ;', 'SyntaxError', /main\.js:1\nconst a = ;\n {10}\^/, 1],
    ['an await that never ends', 'await new Promise(() => {})', 'Error', /never/, 13],
    ['an exit status', 'process.exit(3)', 'ExitStatus', /^$/, 3],
    ['an exit code', 'process.exitCode = 4', 'ExitStatus', /^$/, 4],
    ['a package that is not here', "require('lodash')", 'PackageUnavailable', /PACKAGE_UNAVAILABLE.*lodash/, 1],
    ['a socket', "require('net')", 'PackageUnavailable', /fetch with an allowed host/, 1],
    ['deep nesting', `${'['.repeat(50_000)}`, 'SyntaxError', /nested too deeply/, 1],
  ])('reports %s', async (_name, code, name, trace, exitCode) => {
    const result = await js(code);
    expect(result.status).toBe('error');
    expect(result.error?.name).toBe(name);
    expect(result.error?.traceback).toMatch(trace);
    expect(result.exitCode).toBe(exitCode);
    if (result.error?.traceback) expect(result.stderr.text).toContain(result.error.traceback);
  });

  it('collects what changed, and only that', async () => {
    const files = [
      { path: '/tmp/kept.txt', bytes: Buffer.from('same') },
      { path: '/tmp/deep/changed.csv', bytes: Buffer.from('a,b') },
    ];
    const result = await js(
      "const fs = require('fs'); fs.appendFileSync('/tmp/deep/changed.csv', '\\n1,2'); fs.writeFileSync('new.json', '{}')",
      { files },
    );
    expect(result.artifacts.map(({ path, mediaType }) => [path, mediaType])).toEqual([
      ['/tmp/deep/changed.csv', 'text/csv'],
      ['/tmp/new.json', 'application/json'],
    ]);
    expect(result.claim.inputs.map(({ path }) => path)).toEqual(['/tmp/deep/changed.csv', '/tmp/kept.txt']);
    expect(result.claim.outputs).toEqual(
      result.artifacts.map(({ path, bytes, sha256 }) => ({ path, bytes: bytes.length, sha256 })),
    );
  });

  it('ends as disk-limit when the disk is full', async () => {
    const code = "for (let i = 0; ; i++) require('fs').writeFileSync('/tmp/' + i, new Uint8Array(1e6))";
    expect((await js(code, { limits: { diskBytes: 5_000_000 } })).status).toBe('disk-limit');
  });
});

describe('Python', () => {
  it('runs the everyday things', async () => {
    const files = [{ path: '/tmp/sales.csv', bytes: Buffer.from('product,revenue\nA,2\nB,3\nA,5\n') }];
    const code = `
import csv, json, collections, sys
totals = collections.Counter()
with open('/tmp/sales.csv') as file:
    for row in csv.DictReader(file):
        totals[row['product']] += int(row['revenue'])
with open('totals.json', 'w') as file:
    json.dump(totals, file, sort_keys=True)
print('Total:', sum(totals.values()), input(), sys.argv[1:])
print('to stderr', file=sys.stderr)
totals.most_common(1)`;
    const result = await py(code, { files, stdin: 'typed\n', argv: ['x'] });
    expect(result.error).toBeNull();
    expect(result.stdout.text).toBe("Total: 10 typed ['x']\n");
    expect(result.stderr.text).toBe('to stderr\n');
    expect(result.value).toBe("[('A', 7)]");
    expect(text(result.artifacts[0])).toBe('{"A": 7, "B": 3}');
  });

  it.each<[string, string, string, string, number]>([
    [
      'an error, without the frames of the sandbox',
      'def f():\n    return 1 / 0\nf()',
      'ZeroDivisionError',
      'Traceback (most recent call last):\n  File "/tmp/main.py", line 3, in <module>\n    f()',
      1,
    ],
    ['a syntax error', 'a = = 1', 'SyntaxError', 'File "/tmp/main.py", line 1', 1],
    ['a missing file', "open('/tmp/missing.txt')", 'FileNotFoundError', "No such file or directory: '/tmp/missing.txt'", 1],
    ['a missing package', 'import pandas', 'ModuleNotFoundError', 'PACKAGE_UNAVAILABLE', 1],
    ['an exit status', 'import sys; sys.exit(3)', 'SystemExit', '', 3],
    ['an exit message', 'raise SystemExit("stop")', 'SystemExit', '', 1],
    ['a process that ends itself', 'import os; os._exit(5)', 'ExitStatus', '', 5],
    ['threads', 'import threading; threading.Thread(target=print).start()', 'RuntimeError', "can't start new thread", 1],
    ['processes', 'import subprocess; subprocess.run(["id"])', 'OSError', 'process', 1],
    ['endless recursion', 'def f(): f()\nf()', 'RecursionError', 'maximum recursion depth', 1],
  ])('reports %s', async (_name, code, name, trace, exitCode) => {
    const result = await py(code);
    expect([result.status, result.error?.name, result.exitCode]).toEqual(['error', name, exitCode]);
    expect(result.error?.traceback).toContain(trace);
  });

  it('sleeps without waiting, awaits, and runs event loops', async () => {
    const code = `
import asyncio, time
start = time.time()
time.sleep(1000)
print(round(time.time() - start), time.monotonic() > 1000)
async def work():
    await asyncio.sleep(0.01)
    return 'done'
print(await work())
print(asyncio.run(work()))`;
    const result = await py(code);
    expect(result.error).toBeNull();
    expect(result.stdout.text).toBe('1000 True\ndone\ndone\n');
    expect(result.observed.wallMs).toBeLessThan(10_000);
  });

  it('meets its memory limit with MemoryError, which the code can catch', async () => {
    const code =
      'a = []\ntry:\n    while True: a.append(bytearray(16 << 20))\nexcept MemoryError:\n    n = len(a); a = None; print(n < 12)';
    const result = await py(code, { limits: { memoryBytes: 192 << 20 } });
    expect([result.status, result.stdout.text]).toEqual(['ok', 'True\n']);
    expect((await py('bytearray(1 << 30)', { limits: { memoryBytes: 192 << 20 } })).status).toBe('oom');
  });
});

describe('jobs that are refused', () => {
  it.each<[string, SandboxJob, string]>([
    ['shell', { language: 'shell', code: 'id' }, 'sandbox/language-unavailable'],
    ['a limit that is too high', { language: 'python', code: '', limits: { wallMs: 1e9 } }, 'sandbox/limit-too-high'],
    [
      'a path outside',
      { language: 'python', code: '', files: [{ path: '/etc/x', bytes: Buffer.from('') }] },
      'sandbox/file-refused',
    ],
    ['a bad seed', { language: 'python', code: '', seed: 'ff' }, 'sandbox/seed-invalid'],
    ['a bad clock', { language: 'python', code: '', epochMs: -1 }, 'sandbox/seed-invalid'],
    ['a bad allow-list', { language: 'python', code: '', network: { allow: ['*'] } }, 'sandbox/allow-invalid'],
    ['too much code', { language: 'python', code: ' '.repeat(2 ** 20 + 1) }, 'sandbox/code-too-large'],
    [
      'a session that is not there',
      { language: 'python', code: '', session: { id: 'x', previousClaim: 'aa' } },
      'sandbox/session-lost',
    ],
  ])('%s', async (_name, job, code) => {
    const result = await run(job);
    expect([result.status, result.error?.name]).toEqual(['rejected', code]);
    expect(result.claim.status).toBe('rejected');
    expect(digestClaim(result.claim)).toBe(result.claimDigest);
  });
});

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
    const { environment, environmentDigest } = sandbox.capabilities;
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
    const report = await replayExecution({ claim: result.claim, code, inputs: [], transcript: result.network }, sandbox);
    expect(report.differences).toEqual([]);
    expect(report.outcome).toBe('identical');
    expect(report.result.claimDigest).toBe(result.claimDigest);
    expect(node.calls.length).toBe(asked);
    const forged = result.network.map((entry) => ({
      ...entry,
      responseBody: Buffer.from(Buffer.from(entry.responseBody).toString().replace('14d1120d7b160000', '24d1120d7b160000')),
    }));
    const wrong = await replayExecution({ claim: result.claim, code, inputs: [], transcript: forged }, sandbox);
    expect(wrong.outcome).toBe('differs');
    expect(wrong.differences.map(({ what }) => what)).toEqual(['stdout', 'network']);
    const other = await replayExecution(
      { claim: result.claim, code: `${code}\n//`, inputs: [], transcript: result.network },
      sandbox,
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
    const report = await replayExecution({ claim: result.claim, code, inputs: [], transcript: result.network }, sandbox);
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
    expect((await replayExecution({ ...second, earlier: [first] }, sandbox)).outcome).toBe('identical');
    expect((await replayExecution(third, sandbox)).outcome).toBe('inconclusive');
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
