/** Two cells at the same time share nothing that one could read, fill or lock for the other. */

import { tmpdir } from 'node:os';
import { afterAll, describe, expect, it } from 'vitest';
import { openLandlock } from '../landlock/landlock.ts';
import { openLinuxNs } from '../linux-ns/linux-ns.ts';
import type { SandboxJob } from '../port.ts';
import type { NativeSandbox } from './native-sandbox.ts';

const options = { directory: tmpdir(), concurrency: 2, warm: 2 };
const WAYS = await Promise.all([
  ['linux-ns', await openLinuxNs(options).catch((error: Error) => error)] as const,
  ['linux-ns, one by one', await openLinuxNs({ ...options, warm: 0 }).catch((error: Error) => error)] as const,
  ['landlock', await openLandlock(options).catch((error: Error) => error)] as const,
]);
for (const [name, lane] of WAYS) {
  // biome-ignore lint/suspicious/noConsole: a skipped lane has to be seen
  if (lane instanceof Error) console.warn(`shared instances are NOT TESTED in ${name}: ${lane.message}`);
}

const SHARED = `
import ctypes, fcntl, os, time
libc = ctypes.CDLL(None, use_errno=True)
watches = libc.inotify_init()
lock = 'none'
try:
    with open(os.__file__) as f: fcntl.flock(f, fcntl.LOCK_EX); lock = 'taken'
except OSError: pass
try:
    master, slave = os.openpty(); os.write(master, b'secret\\n'); own = os.ttyname(slave)
except OSError: own = 'none'
time.sleep(1)
try: seen = [n for n in os.listdir('/dev/pts') if n != 'ptmx' and '/dev/pts/' + n != own]
except OSError: seen = []
print(watches, lock, seen)
`;

const TIMERS = `
import ctypes, resource
libc = ctypes.CDLL(None, use_errno=True)
made = 0
while made < 5000 and libc.timer_create(1, None, ctypes.byref(ctypes.c_void_p())) == 0: made += 1
print(made <= 1024 and resource.getrlimit(resource.RLIMIT_SIGPENDING) == (1024, 1024), made)
`;

describe.each(WAYS)('cells of %s', (_name, lane) => {
  const sandbox = lane as NativeSandbox;
  afterAll(() => (lane instanceof Error ? undefined : sandbox.close()));

  async function run(job: SandboxJob): Promise<string> {
    for await (const event of sandbox.run(job))
      if (event.type === 'result') return event.result.stdout.text + event.result.stderr.text;
    throw new Error('no result');
  }

  it.skipIf(lane instanceof Error)('have no watches, locks and terminals in common', async () => {
    const job: SandboxJob = { language: 'python', code: SHARED };
    expect(await Promise.all([run(job), run(job)])).toEqual(['-1 none []\n', '-1 none []\n']);
  });

  it.skipIf(lane instanceof Error)('have few timers each, of which another has none less', async () => {
    const job: SandboxJob = { language: 'python', code: TIMERS };
    const said = await Promise.all([run(job), run(job)]);
    // A lane without user ids of its own counts both together with what else its user has.
    const most = sandbox.capabilities.lane === 'landlock' ? /^True \d+\n$/ : 'True 1024\n';
    for (const text of said) typeof most === 'string' ? expect(text).toBe(most) : expect(text).toMatch(most);
  });

  it.skipIf(lane instanceof Error)('do not learn their control group or the places of their files on the host', async () => {
    if (sandbox.capabilities.lane === 'landlock') return;
    const code = "print(open('/proc/self/cgroup').read() + open('/proc/self/mountinfo').read())";
    const said = await run({ language: 'python', code });
    expect(said).not.toMatch(new RegExp(`assay-${process.pid}|assay-ns-${process.pid}|job-\\d`));
  });
});
