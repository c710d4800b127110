/**
 * The hostile self-test of the wasm lane: real attacks in a real guest at boot. A lane that lets one through does not serve.
 * What is not probed here is in tests/escape.
 */

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionLimits } from '@assay/receipt';
import type { SandboxJob, SandboxResult, SelfTestProbe } from '../port.ts';
import { LISTED_GLOBALS } from './guest/realm.ts';
import { type GuestProcess, lastWords } from './guest-process.ts';
import { MESSAGE, type ProbeBait } from './messages.ts';

/** What the self-test needs of the lane. */
export interface TestedLane {
  /** Runs one job to its result. */
  readonly run: (job: SandboxJob) => Promise<SandboxResult>;
  /** Starts the guest that attacks the process itself. */
  readonly attack: (bait: ProbeBait) => GuestProcess;
}

/** What a refusal by deno's permissions, or by the impossible `DENO_DIR` (system errors 20 and 3), looks like; an attack that fails for any other reason proves nothing and counts as not contained. */
const REFUSED = /^blocked: (Requires [a-z]+ access|.*\(os error (20|3)\)|.*NotCapable)/;

/** The attacks of `guest/probe.ts`. */
const PROCESS_ATTACKS = [
  ...['read a host file', 'write a host file', 'write a host database', 'read the environment', 'connect to the host'],
  ...[
    'listen on the host',
    'fetch from the host',
    'start a process',
    'load native code',
    'signal the host',
    'keep web storage',
  ],
];

/** Prints the globals there are beyond the list, and the modules that text compiled by user code can load. */
const REALM_PROGRAM = `
const listed = new Set(${JSON.stringify([...LISTED_GLOBALS])});
const globals = Object.getOwnPropertyNames(globalThis).filter((name) => !listed.has(name));
const loaded = [];
for (const name of ['node:fs', 'node:sqlite', 'data:text/javascript,export default 1', 'file:///etc/passwd']) {
  for (const make of [(text) => eval(text), (text) => new Function('return ' + text)(), (text) => (async () => {}).constructor('return ' + text)()]) {
    try { await make('import(' + JSON.stringify(name) + ')'); loaded.push(name); } catch {}
  }
}
console.log(JSON.stringify({ globals, loaded }));
`;

/** Runs every probe, side by side. */
export async function selfTest(lane: TestedLane): Promise<readonly SelfTestProbe[]> {
  const { run } = lane;
  const place = await mkdtemp(join(tmpdir(), 'assay-self-test-'));
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  try {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const canary = join(place, 'canary');
    const secret = randomBytes(16).toString('hex');
    await writeFile(canary, secret);
    const bait = { canary, secret, port: (server.address() as AddressInfo).port };
    const [escapes, realm, ...limits] = await Promise.all([
      processProbes(lane.attack(bait)),
      realmProbe(run),
      limitProbe(run, 'endless loop', 'for (;;) {}', { wallMs: 300 }, 'timeout'),
      limitProbe(
        run,
        'memory',
        'const a = []; for (;;) a.push(new Uint8Array(32 << 20).fill(1));',
        { memoryBytes: 64 << 20 },
        'oom',
      ),
      limitProbe(
        run,
        'output',
        "const line = 'x'.repeat(65536); for (;;) console.log(line);",
        { outputBytes: 100_000 },
        'output-limit',
      ),
    ]);
    const arrived = { name: 'no connection arrived', contained: connections === 0, detail: `${connections} connections` };
    return [...escapes, arrived, realm, ...limits];
  } finally {
    server.close();
    await rm(place, { recursive: true, force: true });
  }
}

const PROBE_MS = 20_000;

/** Runs the attacks on the process; one that gave no answer reads as not contained. */
async function processProbes(guest: GuestProcess): Promise<readonly SelfTestProbe[]> {
  let outcome: Readonly<Record<string, unknown>> = {};
  guest.listen(({ type, head }) => {
    if (type === MESSAGE.done && typeof head.outcome === 'object') outcome = head.outcome as typeof outcome;
  });
  const timer = setTimeout(() => guest.kill(), PROBE_MS);
  const { stderrTail } = await guest.exited;
  clearTimeout(timer);
  return PROCESS_ATTACKS.map((name) => {
    const detail = String(outcome[name] ?? `not answered: ${lastWords(stderrTail)}`);
    return { name, contained: REFUSED.test(detail), detail };
  });
}

async function realmProbe(run: TestedLane['run']): Promise<SelfTestProbe> {
  const { stdout, status } = await run({ language: 'javascript', code: REALM_PROGRAM });
  const contained = stdout.text === '{"globals":[],"loaded":[]}\n';
  return { name: 'only listed names', contained, detail: contained ? 'none beyond' : `${status} ${stdout.text.slice(0, 500)}` };
}

async function limitProbe(
  run: TestedLane['run'],
  name: string,
  code: string,
  limits: Partial<ExecutionLimits>,
  wanted: SandboxResult['status'],
): Promise<SelfTestProbe> {
  const { status, observed } = await run({ language: 'javascript', code, limits: { wallMs: 10_000, ...limits } });
  return { name: `limit: ${name}`, contained: status === wanted, detail: `${status} after ${Math.round(observed.wallMs)} ms` };
}
