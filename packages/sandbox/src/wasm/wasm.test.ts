import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { wasmTestLane } from '../../../../tests/lanes/wasm-lane.ts';
import { digestClaim } from '../claim.ts';
import { descendants } from '../native/process-tree.ts';
import type { SandboxJob } from '../port.ts';

const { run, javascript: js, python: py } = wasmTestLane();
const text = (file: { readonly bytes: Uint8Array } | undefined): string => Buffer.from(file?.bytes ?? []).toString();

describe('JavaScript', () => {
  it.each<[string, string, string]>([
    ['formats as Node does', "console.log('a', { b: 'c', d: [1, 2] }, null)", "a { b: 'c', d: [ 1, 2 ] } null\n"],
    ['awaits at top level', "console.log(await Promise.resolve('x'))", 'x\n'],
    [
      'waits for a main that was not awaited',
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
    ['a rejection that is not caught', 'Promise.reject(new RangeError("r"))', 'RangeError', /RangeError: r/, 1],
    ['an error in a timer', 'setTimeout(() => { throw new Error("t") }, 1)', 'Error', /Error: t/, 1],
    ['a syntax error', 'const a = ;', 'SyntaxError', /main\.js:1\nconst a = ;\n {10}\^/, 1],
    ['an await that never ends', 'await new Promise(() => {})', 'Error', /never/, 13],
    ['an exit status', 'process.exit(3)', 'ExitCode', /^$/, 3],
    ['an exit code', 'process.exitCode = 4', 'ExitCode', /^$/, 4],
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
    ['an exit status', 'import sys; sys.exit(3)', 'ExitCode', '', 3],
    ['an exit message', 'raise SystemExit("stop")', 'ExitCode', '', 1],
    ['a process that ends itself', 'import os; os._exit(5)', 'ExitCode', '', 5],
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

  it.each<[string, string, string]>([
    ['a summer', "datetime(2026, 7, 1, 12, tzinfo=ZoneInfo('America/New_York'))", '2026-07-01T12:00:00-04:00 EDT 1:00:00'],
    ['a winter', "datetime(2026, 1, 1, 12, tzinfo=ZoneInfo('Europe/Berlin'))", '2026-01-01T12:00:00+01:00 CET 0:00:00'],
    ['the south', "datetime(2026, 1, 1, 12, tzinfo=ZoneInfo('Australia/Sydney'))", '2026-01-01T12:00:00+11:00 AEDT 1:00:00'],
    ['no change for long', "datetime(2026, 1, 1, tzinfo=ZoneInfo('Asia/Kolkata'))", '2026-01-01T00:00:00+05:30 IST 0:00:00'],
    ['numbers', "datetime(2026, 1, 1, tzinfo=ZoneInfo('America/Sao_Paulo'))", '2026-01-01T00:00:00-03:00 -03 0:00:00'],
    ['long ago', "datetime(1950, 7, 1, tzinfo=ZoneInfo('Europe/London'))", '1950-07-01T00:00:00+01:00 BST 1:00:00'],
    ['no zone', "datetime(2026, 1, 1, tzinfo=ZoneInfo('UTC'))", '2026-01-01T00:00:00+00:00 UTC 0:00:00'],
    [
      'the hour of a change',
      "datetime(2026, 3, 8, 7, tzinfo=timezone.utc).astimezone(ZoneInfo('America/New_York'))",
      '2026-03-08T03:00:00-04:00 EDT 1:00:00',
    ],
  ])('knows zones: %s', async (_name, code, shown) => {
    const head = 'from zoneinfo import ZoneInfo\nfrom datetime import datetime, timezone\n';
    const result = await py(`${head}d = ${code}\nprint(d.isoformat(), d.tzname(), d.dst())`);
    expect(result.error).toBeNull();
    expect(result.stdout.text).toBe(`${shown}\n`);
  });

  it('names a zone that there is not', async () => {
    const result = await py("from zoneinfo import ZoneInfo\nZoneInfo('Mars/Base')");
    expect(result.error?.name).toBe('ZoneInfoNotFoundError');
    expect(result.error?.message).toContain('available_timezones() lists');
  });

  it.each(['', 'import sys\nsys.exit(0)', 'raise ValueError'])(
    'collects files left open as whole as closed ones, after %j',
    async (end) => {
      const code = `
import csv, gzip, zipfile
plain = open('/tmp/plain.csv', 'w', newline='')
csv.writer(plain).writerow(['ann', 3])
packed = gzip.open('/tmp/packed.gz', 'wb')
packed.write(b'hello')
archive = zipfile.ZipFile('/tmp/archive.zip', 'w')
archive.writestr('x', 'y')
circle = []
circle += [circle, open('/tmp/circle.txt', 'w')]
circle[1].write('zz')
${end}`;
      const { artifacts } = await py(code);
      const found = Object.fromEntries(artifacts.map((file) => [file.path, file.bytes]));
      expect(Buffer.from(found['/tmp/plain.csv'] ?? []).toString()).toBe('ann,3\r\n');
      expect(Buffer.from(found['/tmp/circle.txt'] ?? []).toString()).toBe('zz');
      expect(gunzipSync(found['/tmp/packed.gz'] ?? new Uint8Array()).toString()).toBe('hello');
      // The end of a central directory, APPNOTE 4.3.16.
      expect(Buffer.from(found['/tmp/archive.zip'] ?? []).indexOf('PK\u0005\u0006')).toBeGreaterThan(0);
    },
  );

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

const namespaces = process.platform === 'linux' && spawnSync('unshare', ['--user', '--net', 'true']).status === 0;

it.skipIf(!namespaces)('guests have a network of their own, which is empty', async () => {
  const own = readlinkSync('/proc/self/ns/net');
  // A guest that is being started lies in our network until its first instruction; one that ended lies in none.
  const network = (task: string): string | null => {
    try {
      return readlinkSync(`${task}/ns/net`);
    } catch {
      return null;
    }
  };
  const networks = (): readonly (string | null)[] =>
    descendants(process.pid)
      .slice(1)
      .map(({ task }) => network(task));
  await expect.poll(() => networks().filter((one) => one !== null && one !== own).length).toBeGreaterThan(0);
  await expect.poll(() => networks().filter((one) => one === own)).toEqual([]);
});
