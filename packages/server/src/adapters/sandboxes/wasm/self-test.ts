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
import type { SandboxJob, SandboxResult, SelfTestProbe } from '../../../ports/sandbox.ts';

/** Runs one job to its result. */
export type RunJob = (job: SandboxJob) => Promise<SandboxResult>;

/** What a refusal by deno's permissions looks like; an attack that fails for any other reason proves nothing and counts as not contained. */
const REFUSED =
  /^blocked: (Requires [a-z]+ access|fetch failed: sandbox\/network-refused|localStorage is not defined|.*LocalStorage|.*NotCapable)/;

/** Each attack gives a word when it got through and throws when it did not. */
const ATTACKS: Readonly<Record<string, string>> = {
  'read a host file': "return new TextDecoder().decode((await raw('node:fs')).readFileSync(CANARY)).includes(SECRET) && 'read'",
  'write a host file': "(await raw('node:fs')).writeFileSync(CANARY + '.written', 'x'); return 'wrote'",
  'write a host database':
    "new (await raw('node:sqlite')).DatabaseSync(CANARY + '.db').exec('create table a(b)'); return 'wrote'",
  'read the environment':
    "const v = (await raw('node:process')).default.env.HOME ?? (await raw('node:process')).default.env.PATH; if (!v) throw 1; return v",
  'connect to the host':
    "const net = await raw('node:net'); return await new Promise((y, n) => net.connect(PORT, '127.0.0.1', () => y('connected')).on('error', n))",
  'listen on the host':
    "const net = await raw('node:net'); return await new Promise((y, n) => net.createServer().on('error', n).listen(0, () => y('listening')))",
  'fetch from the host': "return (await fetch('http://127.0.0.1:' + PORT)).status",
  'start a process': "return String((await raw('node:child_process')).execSync('id'))",
  'load native code':
    "const p = (await raw('node:process')).default; p.dlopen({ exports: {} }, '/lib/x86_64-linux-gnu/libc.so.6'); return 'loaded'",
  'signal the host': "const p = (await raw('node:process')).default; p.kill(p.ppid, 0); return 'signalled'",
  'keep web storage': "localStorage.setItem('a', 'b'); return 'stored'",
};

const script = (canary: string, secret: string, port: number): string => `
const CANARY = ${JSON.stringify(canary)}, SECRET = ${JSON.stringify(secret)}, PORT = ${port};
const raw = (name) => new Function('name', 'return import(name)')(name);
const attacks = {${Object.entries(ATTACKS)
  .map(([name, body]) => `${JSON.stringify(name)}: async () => {${body}}`)
  .join(',\n')}};
const outcome = {};
for (const [name, attack] of Object.entries(attacks)) {
  try {
    const got = await Promise.race([attack(), new Promise((_, no) => setTimeout(() => no(new Error('no answer')), 500))]);
    outcome[name] = got ? 'ESCAPED ' + got : 'blocked';
  } catch (error) { outcome[name] = 'blocked: ' + String(error?.message ?? error).split('\\n')[0].slice(0, 100); }
}
console.log(JSON.stringify(outcome));
`;

/** Runs every probe, side by side. */
export async function selfTest(run: RunJob): Promise<readonly SelfTestProbe[]> {
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
    const [escapes, ...limits] = await Promise.all([
      run({ language: 'javascript', code: script(canary, secret, (server.address() as AddressInfo).port) }),
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
    return [...readEscapes(escapes, connections), ...limits];
  } finally {
    server.close();
    await rm(place, { recursive: true, force: true });
  }
}

function readEscapes(result: SandboxResult, connections: number): readonly SelfTestProbe[] {
  let outcome: Readonly<Record<string, string>> = {};
  try {
    outcome = JSON.parse(result.stdout.text) as Readonly<Record<string, string>>;
  } catch {
    // An attack that ended the probe is judged below: nothing reads as contained.
  }
  const probes = Object.keys(ATTACKS).map((name): SelfTestProbe => {
    const detail = outcome[name] ?? `not answered: ${result.error?.message ?? result.status}`;
    return { name, contained: REFUSED.test(detail), detail };
  });
  return [...probes, { name: 'no connection arrived', contained: connections === 0, detail: `${connections} connections` }];
}

async function limitProbe(
  run: RunJob,
  name: string,
  code: string,
  limits: Partial<ExecutionLimits>,
  wanted: SandboxResult['status'],
): Promise<SelfTestProbe> {
  const { status, observed } = await run({ language: 'javascript', code, limits: { wallMs: 10_000, ...limits } });
  return { name: `limit: ${name}`, contained: status === wanted, detail: `${status} after ${Math.round(observed.wallMs)} ms` };
}
