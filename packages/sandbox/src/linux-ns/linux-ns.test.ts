import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NativeSandbox } from '../native/native-sandbox.ts';
import type { SandboxEvent, SandboxJob, SandboxResult } from '../port.ts';
import { openLinuxNs } from './linux-ns.ts';

const opened = await openLinuxNs({ directory: tmpdir(), concurrency: 2, warm: 1 }).catch((error: Error) => error);
const here = !(opened instanceof Error);
// biome-ignore lint/suspicious/noConsole: a skipped lane has to be seen
if (!here) console.warn(`linux-ns is NOT TESTED here: ${opened.message}`);

describe.skipIf(!here)('linux-ns', () => {
  const sandbox = opened as NativeSandbox;
  afterAll(() => sandbox.close());

  async function events(job: SandboxJob): Promise<readonly SandboxEvent[]> {
    const seen: SandboxEvent[] = [];
    for await (const event of sandbox.run(job)) seen.push(event);
    return seen;
  }
  async function run(job: SandboxJob): Promise<SandboxResult> {
    const last = (await events(job)).at(-1);
    if (last?.type !== 'result') throw new Error('no result');
    return last.result;
  }
  const textOf = (result: SandboxResult, path: string): string | undefined => {
    const found = result.artifacts.find((artifact) => artifact.path === path);
    return found && Buffer.from(found.bytes).toString();
  };

  it('contained every probe at boot and describes itself', () => {
    expect(sandbox.capabilities.selfTest.length).toBeGreaterThan(20);
    expect(sandbox.capabilities.selfTest.filter(({ contained }) => !contained)).toEqual([]);
    expect(sandbox.capabilities.environmentDigest).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.stringify(sandbox.capabilities.environment)).not.toContain(process.cwd());
  });

  it.each<[string, SandboxJob, Partial<SandboxResult>]>([
    ['value of a Python expression', { language: 'python', code: 'x = 20\nx + 1' }, { status: 'ok', value: '21', exitCode: 0 }],
    [
      'top-level await in Python',
      { language: 'python', code: 'import asyncio\nawait asyncio.sleep(0, "z")' },
      { value: "'z'" },
    ],
    ['a Python exit code', { language: 'python', code: 'import sys\nsys.exit(7)' }, { status: 'error', exitCode: 7 }],
    ['exit() without the site module', { language: 'python', code: 'exit()' }, { status: 'ok', exitCode: 0 }],
    [
      'value of a JavaScript expression',
      { language: 'javascript', code: 'const x = await 6;\nx * 7;' },
      { status: 'ok', value: '42' },
    ],
    [
      'require',
      { language: 'javascript', code: "const { ethers } = require('ethers');\nethers.formatEther(10n ** 17n);" },
      { value: '0.1' },
    ],
    [
      'import declarations',
      { language: 'javascript', code: "import { basename } from 'node:path';\nbasename('/a/b')" },
      { value: 'b' },
    ],
    ['a JavaScript exit code', { language: 'javascript', code: 'process.exit(3)' }, { status: 'error', exitCode: 3 }],
    [
      'a promise that is never settled',
      { language: 'javascript', code: 'await new Promise(() => {})' },
      { status: 'error', exitCode: 13 },
    ],
    ['shell', { language: 'shell', code: 'echo "$1"; exit 4', argv: ['one'] }, { status: 'error', exitCode: 4 }],
  ])('%s', async (_title, job, wanted) => {
    expect(await run(job)).toMatchObject(wanted);
  });

  it('hands over files, arguments and standard input, and brings files back', async () => {
    const result = await run({
      language: 'python',
      code: "import sys\nrows = open('/tmp/in/sales.csv').read()\nopen('/tmp/out.txt', 'w').write(rows.upper() + input() + sys.argv[1])",
      files: [{ path: '/tmp/in/sales.csv', bytes: Buffer.from('a,b') }],
      stdin: 'line\n',
      argv: ['arg'],
    });
    expect(result.status).toBe('ok');
    expect(textOf(result, '/tmp/out.txt')).toBe('A,Blinearg');
    expect(result.artifacts).toHaveLength(1);
    expect(result.claim.inputs).toHaveLength(1);
    expect(result.claim.outputs[0]?.sha256).toBe(result.artifacts[0]?.sha256);
  });

  it('streams output in order and ends with the result', async () => {
    const seen = await events({ language: 'python', code: "import time\nprint('one')\ntime.sleep(0.2)\nprint('two')" });
    expect(seen.map(({ sequence }) => sequence)).toEqual(seen.map((_, index) => index));
    expect(seen.map(({ type }) => type)).toEqual(['started', 'stdout', 'stdout', 'result']);
  });

  it.each<[string, SandboxJob, string, string]>([
    ['wall time', { language: 'python', code: 'while True: pass', limits: { wallMs: 300 } }, 'timeout', 'sandbox/timeout'],
    ['processor time', { language: 'python', code: 'while True: pass', limits: { cpuMs: 200 } }, 'timeout', 'sandbox/timeout'],
    [
      'memory',
      { language: 'python', code: 'x = bytearray(200 << 20)\nx[:] = b"1" * len(x)', limits: { memoryBytes: 96 << 20 } },
      'oom',
      'sandbox/oom',
    ],
    [
      'output',
      { language: 'python', code: 'print("x" * 5000)', limits: { outputBytes: 1000 } },
      'output-limit',
      'sandbox/output-limit',
    ],
    [
      'disk',
      { language: 'python', code: 'open("/tmp/f", "wb").write(b"x" * (9 << 20))', limits: { diskBytes: 4 << 20 } },
      'disk-limit',
      'sandbox/disk-limit',
    ],
  ])('stops at the limit of %s', async (_title, job, status, code) => {
    const result = await run(job);
    expect([result.status, result.error?.name]).toEqual([status, code]);
    expect(result.error?.message).toMatch(/./);
  });

  it('kills the job when the caller gives up', async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 150);
    const result = await run({ language: 'python', code: 'import time\ntime.sleep(60)', signal: stop.signal });
    expect(result.status).toBe('killed');
    expect(result.observed.wallMs).toBeLessThan(5_000);
  });

  it('keeps names and files between the cells of a session, and chains their claims', async () => {
    for (const [language, cells] of [
      ['python', ['x = 41', 'print(x + 1)\nopen("/tmp/s", "w").write("1")', 'x']],
      [
        'javascript',
        ['const x = 41; function g() { return x + 1 }', 'console.log(g()); require("fs").writeFileSync("/tmp/s", "1")', 'x'],
      ],
    ] as const) {
      let previousClaim: string | null = null;
      const results: SandboxResult[] = [];
      for (const code of cells) {
        const result: SandboxResult = await run({ language, code, session: { id: `s-${language}`, previousClaim } });
        expect(result.claim.sessionPrevious).toBe(previousClaim);
        previousClaim = result.claimDigest;
        results.push(result);
      }
      expect(results.map(({ stdout }) => stdout.text)).toEqual(['', '42\n', '']);
      expect(results.map(({ artifacts }) => artifacts.length)).toEqual([0, 1, 0]);
      expect(results[2]?.value).toBe('41');
      await expect(run({ language, code: '1', session: { id: `s-${language}`, previousClaim: null } })).rejects.toMatchObject({
        code: 'sandbox/session-mismatch',
      });
    }
    await expect(
      run({ language: 'python', code: '1', session: { id: 'never', previousClaim: 'f'.repeat(64) } }),
    ).rejects.toMatchObject({
      code: 'sandbox/session-lost',
    });
  });

  it('gives the same claim for the same seed, and another clock and entropy for none', async () => {
    for (const [language, code] of [
      [
        'python',
        'import random, time, datetime, os, uuid\nprint(random.random(), time.time(), datetime.datetime.now(), os.urandom(4), uuid.uuid4())',
      ],
      [
        'javascript',
        'console.log(Math.random(), Date.now(), new Date().toISOString(), require("crypto").randomBytes(4), crypto.randomUUID())',
      ],
    ] as const) {
      const job: SandboxJob = { language, code, seed: 'ab'.repeat(32), epochMs: 1_700_000_000_000 };
      const [first, second] = [await run(job), await run(job)];
      expect(first.claimDigest).toBe(second.claimDigest);
      expect(first.stdout.text).toContain('2023-11-14');
      expect(first.claim).toMatchObject({ entropy: 'seeded', clock: { mode: 'frozen', epochMs: 1_700_000_000_000 } });
      expect((await run({ language, code })).stdout.text).not.toBe(first.stdout.text);
    }
  });

  it('lets programs wait under a fixed clock', async () => {
    for (const [language, code] of [
      [
        'python',
        'import asyncio, time\nt = time.time()\ntime.sleep(0.01)\nasyncio.run(asyncio.sleep(0.01))\nwhile time.time() < t + 0.1: pass\nprint(time.time() > t)',
      ],
      [
        'javascript',
        'const t = Date.now();\nawait new Promise((r) => setTimeout(r, 10));\nwhile (Date.now() < t + 30);\nconsole.log(Date.now() > t)',
      ],
    ] as const) {
      const job: SandboxJob = { language, code, seed: '00'.repeat(32), epochMs: 1_700_000_000_000, limits: { wallMs: 10_000 } };
      const [first, second] = [await run(job), await run(job)];
      expect([first.status, first.stdout.text.toLowerCase()]).toEqual(['ok', 'true\n']);
      expect(second.claimDigest).toBe(first.claimDigest);
    }
  });

  it.each<[string, Partial<SandboxJob>, string]>([
    ['a path outside /tmp', { files: [{ path: '/etc/passwd', bytes: new Uint8Array() }] }, 'sandbox/file-refused'],
    ['a limit above the maximum', { limits: { wallMs: 1e9 } }, 'sandbox/limit-too-high'],
    ['a seed that is none', { seed: 'zz' }, 'sandbox/seed-invalid'],
    ['too much code', { code: 'x'.repeat(2 << 20) }, 'sandbox/code-too-large'],
  ])('refuses %s before anything runs', async (_title, change, code) => {
    await expect(run({ language: 'python', code: '1', ...change })).rejects.toMatchObject({ code });
  });

  describe('network through the host', () => {
    let server: Server;
    let host: string;
    beforeAll(async () => {
      server = createServer((request, response) => {
        let body = '';
        request.on('data', (chunk) => {
          body += chunk;
        });
        request.on('end', () => {
          const rpc = body === '' ? {} : (JSON.parse(body) as { id?: number; method?: string });
          const result = rpc.method === 'eth_chainId' ? '0x2105' : '0xde0b6b3a7640000';
          const answer = Array.isArray(rpc)
            ? rpc.map(({ id, method }) => ({ jsonrpc: '2.0', id, result: method === 'eth_chainId' ? '0x2105' : result }))
            : { jsonrpc: '2.0', id: rpc.id ?? 0, result };
          response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
        });
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    afterAll(() => server.close());

    const balance = (): string =>
      `const { ethers } = require('ethers');\nconst provider = new ethers.JsonRpcProvider('http://${host}');\nconst balance = await provider.getBalance('0x742d35cc6634c0532925a3b844bc9e7595f0beb0');\nprovider.destroy();\nethers.formatEther(balance);`;

    it('serves ethers, records the exchanges, and replays them without the server', async () => {
      const first = await run({ language: 'javascript', code: balance(), network: { allow: [host] } });
      expect([first.error, first.value]).toEqual([null, '1.0']);
      expect(first.network.length).toBeGreaterThan(0);
      const again = await run({ language: 'javascript', code: balance(), network: { allow: [], replay: first.network } });
      expect(again.value).toBe('1.0');
      expect(again.claim.network).toEqual(first.claim.network);
    });

    it.each([
      [
        'javascript',
        'fetch',
        (url: string) => `const r = await fetch('${url}', { method: 'POST', body: '{"id":3}' });\n(await r.json()).id`,
      ],
      [
        'javascript',
        'http.get',
        (url: string) =>
          `await new Promise((resolve, reject) => require('http').get('${url}', (r) => { let t = ''; r.on('data', (c) => { t += c; }).on('end', () => resolve(JSON.parse(t).id + 3)); }).on('error', reject))`,
      ],
      [
        'python',
        'urllib',
        (url: string) => `import json, urllib.request\njson.load(urllib.request.urlopen('${url}', data=b'{"id":3}'))['id']`,
      ],
      [
        'python',
        'http.client',
        (url: string) =>
          `import http.client, json\nc = http.client.HTTPConnection('${url.slice(7, -1)}')\nc.request('POST', '/', '{"id":3}')\njson.loads(c.getresponse().read())['id']`,
      ],
    ] as const)('%s %s', async (language, _client, code) => {
      const result = await run({ language, code: code(`http://${host}/`), network: { allow: [host] } });
      expect([result.error, result.value]).toEqual([null, '3']);
      expect(result.network).toHaveLength(1);
    });

    it('refuses what is not listed, and everything without a list', async () => {
      const code = `await fetch('http://${host}/')`;
      const refused = await run({ language: 'javascript', code, network: { allow: ['127.0.0.1:1'] } });
      expect(refused.error?.message).toContain('allow-list');
      expect((await run({ language: 'javascript', code })).status).toBe('error');
      const python = await run({
        language: 'python',
        code: `import urllib.request\nurllib.request.urlopen('http://${host}/')`,
      });
      expect(python.status).toBe('error');
    });
  });
});
