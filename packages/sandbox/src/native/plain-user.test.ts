/** The native lanes of an agent that is no root and has no control groups: they contain their self-test and keep their limits. */

import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { findProgram } from './programs.ts';

const run = promisify(execFile);
const USER = '64999';
const setpriv = findProgram('setpriv');
const module_ = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const lanes = { 'linux-ns': module_('../linux-ns/linux-ns.ts'), landlock: module_('../landlock/landlock.ts') };

/** Anybody may walk to this file: otherwise another user cannot run the agent from here. */
function isReachable(path: string): boolean {
  for (let at = path; at !== dirname(at); at = dirname(at))
    if ((statSync(at).mode & 0o005) !== 0o005 && at !== path) return false;
  return true;
}

const able = process.getuid?.() === 0 && setpriv !== null && isReachable(lanes['linux-ns']) && isReachable(process.execPath);
// biome-ignore lint/suspicious/noConsole: what was left out has to be seen
if (!able) console.warn('native lanes of a plain user are NOT TESTED here: it needs root and a checkout for all to read');

type Case = readonly [job: object, wanted: readonly unknown[]];
const python = (...code: readonly string[]): object => ({ language: 'python', code: code.join('\n') });
const small = { wallMs: 8_000, memoryBytes: 128 << 20 };

/** What both lanes do. Each job gives its status, its output, and how many files it left. */
const BOTH: Readonly<Record<string, Case>> = {
  javascript: [{ language: 'javascript', code: 'console.log(6 * 7)' }, ['ok', '42\n', 0]],
  time: [{ ...python('while True: pass'), limits: { wallMs: 400 } }, ['timeout', '', 0]],
  memory: [{ ...python('a = []', 'while True: a.append(bytearray(8 << 20))'), limits: small }, ['oom', '', 0]],
  'memory of a process whose first thread has ended': [
    {
      ...python(
        'import ctypes, os, threading, time',
        'def take():',
        '  a = [bytearray(8 << 20) for n in range(40)]',
        '  time.sleep(6); os._exit(0)',
        'if os.fork() == 0:',
        '  threading.Thread(target=take).start()',
        '  ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[os.uname().machine], 0)',
        'time.sleep(7)',
      ),
      limits: small,
    },
    ['oom', '', 0],
  ],
  'sockets of many processes': [
    {
      ...python(
        'import os, socket, time',
        'for n in range(40):',
        '  if os.fork() == 0:',
        '    keep = []',
        '    try:',
        '      while True: keep.append(socket.socketpair())',
        '    except OSError: time.sleep(9)',
        'time.sleep(9)',
      ),
      limits: small,
    },
    ['oom', '', 0],
  ],
  'mappings of many processes': [
    {
      ...python(
        'import ctypes, mmap, os, time',
        'protect = ctypes.CDLL(None).mprotect',
        'm = mmap.mmap(-1, 60000 * 4096); start = ctypes.addressof(ctypes.c_char.from_buffer(m))',
        'for n in range(0, 60000, 2): protect(ctypes.c_void_p(start + n * 4096), ctypes.c_size_t(4096), 1)',
        'for n in range(20):',
        '  if os.fork() == 0: break',
        'time.sleep(9)',
      ),
      limits: { wallMs: 8_000 },
    },
    ['oom', '', 0],
  ],
  locks: [
    {
      ...python(
        'import fcntl, struct, time',
        "f = open('/tmp/f', 'w')",
        "for n in range(3000): fcntl.fcntl(f, fcntl.F_SETLK, struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, n * 2, 1, 0))",
        'time.sleep(9)',
      ),
      limits: { wallMs: 8_000 },
    },
    ['oom', '', 1],
  ],
};

const LINUX_NS: Readonly<Record<string, Case>> = {
  ...BOTH,
  files: [
    {
      ...python("print(open('/tmp/a').read())", "open('/tmp/b', 'w').write('x')"),
      files: [{ path: '/tmp/a', bytes: { hex: '6869' } }],
    },
    ['ok', 'hi\n', 1],
  ],
  'a database with a write-ahead log': [
    python(
      'import sqlite3',
      "c = sqlite3.connect('/tmp/x.db')",
      "print(c.execute('pragma journal_mode=wal').fetchone()[0])",
      "c.execute('create table t(x)'); c.execute('insert into t values(7)'); c.commit()",
      "print(sqlite3.connect('/tmp/x.db').execute('select x from t').fetchone()[0])",
      'c.close()',
    ),
    ['ok', 'wal\n7\n', 1],
  ],
  inodes: [
    python('import time', "for n in range(6000): open('/tmp/%d' % n, 'w').close()", 'time.sleep(9)'),
    ['disk-limit', '', expect.any(Number)],
  ],
  'inodes in shared memory': [
    {
      language: 'javascript',
      code: "for (let n = 0; n < 500000; n++) require('fs').closeSync(require('fs').openSync('/dev/shm/' + n, 'w'))",
    },
    ['disk-limit', '', 0],
  ],
  'page tables': [
    {
      language: 'javascript',
      code: `require('child_process').execFileSync('/usr/bin/python3', ['-I', '-c', ${JSON.stringify(
        [
          'import mmap, time',
          'm = mmap.mmap(-1, 400 << 30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, mmap.PROT_READ)',
          'for n in range(0, 400 << 30, 2 << 20): m[n]',
          'time.sleep(9)',
        ].join('\n'),
      )}])`,
      limits: { wallMs: 8_000 },
    },
    ['oom', '', 0],
  ],
  'bytes that no verifier accepts': [
    {
      ...python(
        'import socket, time',
        's = socket.socket(socket.AF_UNIX); s.bind("\\0s"); s.listen(4096)',
        'for n in range(4000):',
        '  c = socket.socket(socket.AF_UNIX); c.connect("\\0s"); c.setblocking(False); c.send(b"x" * 60000); c.close()',
        'time.sleep(9)',
      ),
      limits: small,
    },
    ['oom', '', 0],
  ],
  'buffers of TCP': [python('import socket', 'try: socket.socket()', 'except OSError as e: print(e.errno)'), ['ok', '97\n', 0]],
  processes: [
    python(
      'import os, time',
      'n = 0',
      'try:',
      '  while n < 500:',
      '    if os.fork() == 0: time.sleep(9); os._exit(0)',
      '    n += 1',
      'except OSError: pass',
      'print(n < 65)',
      'os._exit(0)',
    ),
    // Sixty copies of one process: the watchdog may call it memory before the program prints. Contained either way.
    [expect.stringMatching(/^(ok|oom)$/), expect.stringMatching(/^(True\n)?$/), 0],
  ],
};

const LANDLOCK: Readonly<Record<string, Case>> = {
  ...BOTH,
  'a folder that cannot be listed': [
    python('import os, time', "os.mkdir('/tmp/hidden', 0o300)", 'time.sleep(9)'),
    ['disk-limit', '', 0],
  ],
  'a program that cannot be read': [
    python(
      'import os, shutil',
      "to = os.open(os.environ['TMPDIR'] + '/true', os.O_CREAT | os.O_WRONLY, 0o111)",
      "os.write(to, open(shutil.which('sleep'), 'rb').read()); os.close(to)",
      "os.execv(os.environ['TMPDIR'] + '/true', ['sleep', '9'])",
    ),
    ['oom', '', expect.any(Number)],
  ],
};

/** The agent's side, run by a user without rights: opens the lane, does honest and hostile work, prints what came of it. */
const PROGRAM = `
const { lane, jobs } = JSON.parse(process.env.CASES);
const open = Object.values(await import(lane)).find((value) => typeof value === 'function');
const sandbox = await open({ directory: process.env.TMPDIR, concurrency: 2, warm: 1 });
const found = {};
for (const [name, job] of Object.entries(jobs)) {
  const files = job.files?.map(({ path, bytes }) => ({ path, bytes: Buffer.from(bytes.hex, 'hex') }));
  for await (const { type, result } of sandbox.run({ ...job, files }))
    if (type === 'result')
      found[name] = [
        result.status === 'error' ? 'error: ' + result.error.message : result.status,
        result.stdout.text,
        result.artifacts.length,
      ];
}
const { selfTest } = sandbox.capabilities;
await sandbox.close();
process.stdout.write(JSON.stringify({ user: process.getuid(), open: selfTest.filter(({ contained }) => !contained), found }));
`;

describe.skipIf(!able)('as a plain user, without control groups', () => {
  it.each([
    ['linux-ns', LINUX_NS],
    ['landlock', LANDLOCK],
  ] as const)(
    '%s contains its self-test and keeps its limits',
    async (name, cases) => {
      const home = mkdtempSync(join(tmpdir(), 'assay-plain-'));
      chmodSync(home, 0o777);
      try {
        const jobs = Object.fromEntries(Object.entries(cases).map(([title, [job]]) => [title, job]));
        const drop = ['--reuid', USER, '--regid', USER, '--clear-groups', process.execPath];
        const { stdout } = await run(
          setpriv ?? '',
          [...drop, '--conditions=@assay/source', '--input-type=module', '-e', PROGRAM],
          {
            env: { PATH: '/usr/bin:/bin', TMPDIR: home, HOME: home, CASES: JSON.stringify({ lane: lanes[name], jobs }) },
            ...{ cwd: home, timeout: 80_000 },
          },
        );
        const found = Object.fromEntries(Object.entries(cases).map(([title, [, wanted]]) => [title, wanted]));
        expect(JSON.parse(stdout)).toEqual({ user: Number(USER), open: [], found });
      } finally {
        rmSync(home, { recursive: true, force: true });
      }
    },
    90_000,
  );
});
