/**
 * Attacks on the process itself, by the engine's own interface, which user code does not even reach: what holds when the realm does
 * not. Run at boot with the flags, environment and permissions of every guest. Each attack gives a word when it got through.
 */

import { type GuestConfig, MESSAGE, type ProbeBait } from '../messages.ts';
import { deno, exit, plain, send } from './wire.ts';

type Loaded = Readonly<Record<string, never>>;
interface Sockets {
  connect(port: number, host: string, done: () => void): { on(event: string, listener: (error: Error) => void): void };
  createServer(): { on(event: string, listener: (error: Error) => void): { listen(port: number, done: () => void): void } };
}
interface Process {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly ppid: number;
  dlopen(module: object, path: string): void;
  kill(pid: number, signal: number): void;
}

const load = async <Module = Loaded>(name: string): Promise<Module> => (await import(name)) as Module;
const realProcess = async (): Promise<Process> => (await load<{ readonly default: Process }>('node:process')).default;
interface Files {
  readFileSync(path: string): Uint8Array;
  writeFileSync(path: string, text: string): void;
}

const attacks = ({ canary, secret, port }: ProbeBait): Readonly<Record<string, () => Promise<string>>> => ({
  'read a host file': async () => {
    const text = new TextDecoder().decode((await load<Files>('node:fs')).readFileSync(canary));
    return text.includes(secret) ? 'read' : '';
  },
  'write a host file': async () => {
    (await load<Files>('node:fs')).writeFileSync(`${canary}.written`, 'x');
    return 'wrote';
  },
  'write a host database': async () => {
    const { DatabaseSync } = await load<{ readonly DatabaseSync: new (path: string) => { exec(sql: string): void } }>(
      'node:sqlite',
    );
    new DatabaseSync(`${canary}.db`).exec('create table a(b)');
    return 'wrote';
  },
  'read the environment': async () => {
    const { env } = await realProcess();
    return env.PATH ?? env.USER ?? '';
  },
  'connect to the host': async () => {
    const net = await load<Sockets>('node:net');
    return await new Promise((yes, no) => net.connect(port, '127.0.0.1', () => yes('connected')).on('error', no));
  },
  'listen on the host': async () => {
    const net = await load<Sockets>('node:net');
    return await new Promise((yes, no) =>
      net
        .createServer()
        .on('error', no)
        .listen(0, () => yes('listening')),
    );
  },
  'fetch from the host': async () => String((await fetch(`http://127.0.0.1:${port}`)).status),
  'start a process': async () =>
    String((await load<{ execSync(command: string): unknown }>('node:child_process')).execSync('id')),
  'load native code': async () => {
    (await realProcess()).dlopen({ exports: {} }, '/lib/x86_64-linux-gnu/libc.so.6');
    return 'loaded';
  },
  'signal the host': async () => {
    const process = await realProcess();
    process.kill(process.ppid, 0);
    return 'signalled';
  },
  'keep web storage': async () => {
    localStorage.setItem('a', 'b');
    return 'stored';
  },
});

const { probe } = JSON.parse(deno.args[0] ?? '{}') as GuestConfig;
const outcome: Record<string, string> = {};
if (probe !== undefined) {
  for (const [name, attack] of Object.entries(attacks(probe))) {
    try {
      const late = new Promise<string>((_, no) => setTimeout(() => no(new Error('no answer')), 500));
      const got = await Promise.race([attack(), late]);
      outcome[name] = got === '' ? 'blocked' : `ESCAPED ${got}`;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      outcome[name] = `blocked: ${(text.split('\n')[0] ?? '').slice(0, 100)}`;
    }
  }
}
send(MESSAGE.done, plain({ outcome: plain(outcome) }));
exit(0);
