import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { findProgram } from '../native/programs.ts';

const run = promisify(execFile);
const USER = '64999';
const setpriv = findProgram('setpriv');
const lane = fileURLToPath(new URL('./linux-ns.ts', import.meta.url));

/** Anybody may walk to this file: otherwise another user cannot run the agent from here. */
function isReachable(path: string): boolean {
  for (let at = path; at !== dirname(at); at = dirname(at))
    if ((statSync(at).mode & 0o005) !== 0o005 && at !== path) return false;
  return true;
}

const able = process.getuid?.() === 0 && setpriv !== null && isReachable(lane) && isReachable(process.execPath);
// biome-ignore lint/suspicious/noConsole: what was left out has to be seen
if (!able) console.warn('linux-ns as a plain user is NOT TESTED here: it needs root and a checkout that other users can read');

/** The agent's side, run by a user that is nobody: opens the lane, does honest and hostile work, prints what came of it. */
const PROGRAM = `
import { openLinuxNs } from ${JSON.stringify(lane)};
const sandbox = await openLinuxNs({ directory: process.env.TMPDIR, concurrency: 2, warm: 1 });
const say = async (job) => {
  for await (const event of sandbox.run(job)) if (event.type === 'result') return [event.result.status, event.result.stdout.text, event.result.artifacts.length];
};
const limits = { wallMs: 8000 };
const found = {
  user: process.getuid(),
  open: sandbox.capabilities.selfTest.filter(({ contained }) => !contained),
  honest: await say({ language: 'python', code: "print(open('/tmp/a').read())\\nopen('/tmp/b', 'w').write('x')", files: [{ path: '/tmp/a', bytes: new Uint8Array([104, 105]) }] }),
  javascript: await say({ language: 'javascript', code: 'console.log(6 * 7)' }),
  memory: await say({ language: 'python', code: 'a = []\\nwhile True: a.append(bytearray(8 << 20))', limits: { ...limits, memoryBytes: 128 << 20 } }),
  inodes: await say({ language: 'python', code: "import time\\nfor n in range(6000): open('/tmp/%d' % n, 'w').close()\\ntime.sleep(9)", limits }),
  forks: await say({ language: 'python', code: "import os, time\\nn = 0\\ntry:\\n  while n < 500:\\n    if os.fork() == 0: time.sleep(9); os._exit(0)\\n    n += 1\\nexcept OSError: pass\\nprint(n < 65)\\nos._exit(0)", limits }),
  sockets: await say({ language: 'python', code: "import os, socket, time\\nfor n in range(40):\\n  if os.fork() == 0:\\n    keep = []\\n    try:\\n      while True: keep.append(socket.socketpair())\\n    except OSError: time.sleep(9)\\ntime.sleep(9)", limits }),
  time: await say({ language: 'python', code: 'while True: pass', limits: { wallMs: 400 } }),
};
await sandbox.close();
process.stdout.write(JSON.stringify(found));
`;

describe.skipIf(!able)('linux-ns as a plain user, without control groups', () => {
  it('contains its self-test and keeps its limits', async () => {
    const home = mkdtempSync(join(tmpdir(), 'assay-plain-'));
    chmodSync(home, 0o777);
    try {
      const drop = ['--reuid', USER, '--regid', USER, '--clear-groups', process.execPath];
      const options = { env: { PATH: '/usr/bin:/bin', TMPDIR: home, HOME: home }, cwd: home, timeout: 60_000 };
      const { stdout } = await run(
        setpriv ?? '',
        [...drop, '--conditions=@assay/source', '--input-type=module', '-e', PROGRAM],
        options,
      );
      expect(JSON.parse(stdout)).toEqual({
        user: Number(USER),
        open: [],
        honest: ['ok', 'hi\n', 1],
        javascript: ['ok', '42\n', 0],
        memory: ['oom', '', 0],
        inodes: ['disk-limit', '', expect.any(Number)],
        // Sixty copies of one process: the watchdog may call it memory before the program prints. Contained either way.
        forks: [expect.stringMatching(/^(ok|oom)$/), 'True\n', 0],
        sockets: ['oom', '', 0],
        time: ['timeout', '', 0],
      });
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  }, 70_000);
});
