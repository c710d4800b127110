/**
 * Runs Python jobs in Pyodide inside a deno process without permissions.
 *
 * Pyodide is not a boundary: Python code can run any JavaScript here (`ctypes`, `to_js(…).constructor`), in the realm that
 * `realm.ts` leaves. The way to the host (`wire.ts`) is in no object of it. The boundary is the process.
 */

import type { PyProxy } from 'pyodide/ffi';
import { newMap } from '../../../runners/javascript/engine.mjs';
import { type DoneHead, type GuestConfig, type JobHead, MESSAGE } from '../messages.ts';
import { artifactSender, type Found } from './artifacts.ts';
import { askOne, installFetch, setNetwork } from './bridge.ts';
import { advance, reset } from './determinism.ts';
import { limitDisk } from './python-files.ts';
import { type FileSystem, type Interpreter, startInterpreter } from './python-interpreter.ts';
import { closePythonRealm } from './python-realm.ts';
import { armUnseeded } from './unseeded.ts';
import { deno, exit, plain, receive, send } from './wire.ts';
import { zoneFile, zoneNames } from './zones.ts';

const config = JSON.parse(deno.args[0] ?? '{}') as GuestConfig;
const ROOT = '/tmp';

const EXERCISE = ['import json\nprint(json.dumps({"a": [1, 2.5]}))\nsorted([2, 1])', 'def f():\n  return 1 / 0\nf()'];

interface Support extends PyProxy {
  forget(): void;
  finish(session: boolean): void;
  prepare(host: object, installed: readonly string[]): void;
  run: PyProxy & { callPromising(source: string, argv: readonly string[]): Promise<PyProxy> };
}

function hostModule(): object {
  return {
    sleep: (seconds: number) => advance(seconds * 1000),
    zone: (name: string) => zoneFile(name) ?? undefined,
    zones: () => zoneNames().join(),
    fetch: (method: string, url: string, headers: string, body: Uint8Array, follow: boolean) => {
      const answer = askOne({ method, url, headers: JSON.parse(headers), body }, follow);
      return [answer.status, JSON.stringify(answer.headers), answer.body, answer.url];
    },
  };
}

/** Regular files below `/tmp`, in order of path; what is odd comes with a reason instead of bytes. */
function* walk(FS: FileSystem, directory: string, budget: { left: number }): Generator<Found> {
  const names = (FS.readdir(directory) as string[]).filter((name) => name !== '.' && name !== '..').sort();
  for (const name of names) {
    const path = `${directory}/${name}`;
    budget.left -= 1;
    if (budget.left < 0) {
      yield { path, bytes: null, reason: 'too many entries' };
      return;
    }
    const { mode, size } = FS.lstat(path) as { mode: number; size: number };
    const kind = mode & 0o170000;
    if (kind === 0o040000) {
      if (path.split('/').length > 10) yield { path, bytes: null, reason: 'too deep' };
      else yield* walk(FS, path, budget);
    } else if (kind !== 0o100000)
      yield { path, bytes: null, reason: kind === 0o120000 ? 'symbolic link' : 'not a regular file' };
    else if (size > 64 * 1024 * 1024) yield { path, bytes: null, reason: `larger than ${64 * 1024 * 1024} bytes` };
    else yield { path, bytes: FS.readFile(path) as Uint8Array };
  }
}

async function serve(python: Interpreter): Promise<void> {
  // Kept, because an interpreter that has exited gives nothing away any more.
  const { FS } = python;
  const support = python.pyimport('_assay.wasm_cell') as Support;
  const installed = config.wheels?.load ?? [];
  let stdin: Uint8Array | null = null;
  let silent = true;
  const write = (type: number, bytes: Uint8Array): number => {
    if (!silent) send(type, null, bytes);
    return bytes.length;
  };
  python.setStdout({ write: (bytes) => write(MESSAGE.stdout, bytes), isatty: false });
  python.setStderr({ write: (bytes) => write(MESSAGE.stderr, bytes), isatty: false });
  python.setStdin({ stdin: () => takeAll(), isatty: false });
  const takeAll = (): Uint8Array | undefined => {
    const bytes = stdin ?? undefined;
    stdin = null;
    return bytes === undefined || bytes.length === 0 ? undefined : bytes;
  };
  FS.chdir(ROOT);
  // Goes once through what every job needs, so that the engine has compiled it before the job comes.
  reset('00'.repeat(32), 0);
  support.prepare(hostModule(), installed);
  for (const source of EXERCISE) (await support.run.callPromising(source, [])).toJs();
  support.forget();
  silent = false;
  const crashed = watchCrashes();
  armUnseeded();
  send(MESSAGE.ready, null);
  for (;;) {
    const frame = receive();
    if (frame.type !== MESSAGE.job) exit(0);
    const { cell, ...head } = frame.head as unknown as JobHead;
    const before = newMap<string, Uint8Array>();
    setNetwork(head.network);
    for (let index = 0; index < head.files; index += 1) {
      const file = receive();
      const path = String(file.head.path);
      FS.mkdirTree(path.slice(0, path.lastIndexOf('/')));
      FS.writeFile(path, file.body.slice());
    }
    for (const { path, bytes } of walk(FS, ROOT, { left: head.inodes })) if (bytes !== null) before.set(path, bytes);
    stdin = receive().body.slice();
    const disk = limitDisk(FS, ROOT, head);
    reset(head.seed, head.epochMs);
    support.prepare(hostModule(), installed);
    const { exitCode, value, error, dead } = await execute(support, new TextDecoder().decode(frame.body), head.argv, crashed);
    if (!dead) finishFiles(support, head.session);
    const sendArtifact = artifactSender(before, head);
    for (const found of walk(FS, ROOT, { left: head.inodes })) sendArtifact(found);
    const over = !head.session || dead;
    const told = error === null ? null : plain(error);
    const done: DoneHead = { cell, over, exitCode, value, error: told, diskFull: disk.full };
    send(MESSAGE.done, plain(done));
    if (over) exit(0);
  }
}

/** Has open files written out. An object that fails while it goes changes nothing about the cell. */
function finishFiles(support: Support, session: boolean): void {
  try {
    support.finish(session);
  } catch {
    // What is in the files is what there is.
  }
}

const PLACE = /(file:\/\/)?\/[\w.@+-]+\/[^\s"')]*/g;

type Executed = Pick<DoneHead, 'exitCode' | 'value' | 'error'> & { readonly dead: boolean };

/** `os._exit` and crashes do not come back from the call; they surface as uncaught errors. */
function watchCrashes(): Promise<never> {
  const crashed = new Promise<never>((_resolve, reject) => {
    globalThis.addEventListener('unhandledrejection', (event) => {
      event.preventDefault();
      reject(event.reason);
    });
    globalThis.addEventListener('error', (event) => {
      event.preventDefault();
      reject(event.error);
    });
  });
  crashed.catch(() => {});
  return crashed;
}

/** Runs the source. `dead` when the interpreter cannot go on: `os._exit`, or a crash of its own. */
async function execute(support: Support, source: string, argv: readonly string[], crashed: Promise<never>): Promise<Executed> {
  try {
    const outcome = await Promise.race([support.run.callPromising(source, argv), crashed]);
    const [exitCode, value, name, message, traceback] = outcome.toJs() as [
      number,
      string | null,
      string | null,
      string,
      string,
    ];
    return {
      exitCode,
      value: value ?? null,
      error: (name ?? null) === null ? null : { name: String(name), message, traceback },
      dead: false,
    };
  } catch (reason) {
    const { status, name, message } = reason as {
      readonly status?: unknown;
      readonly name?: unknown;
      readonly message?: unknown;
    };
    if (typeof status === 'number') return { exitCode: status & 255, value: null, error: null, dead: true };
    // Without places of this machine, which another one would not repeat.
    const text = (String(message ?? reason).split('\n')[0] ?? '').slice(0, 300).replace(PLACE, 'a file of the runtime');
    const memory = /memory|Out of bounds/i.test(text);
    return {
      exitCode: 1,
      value: null,
      error: {
        name: memory ? 'MemoryError' : 'InterpreterError',
        message: `${String(name ?? 'Error')}: ${text}`,
        traceback: '',
      },
      dead: true,
    };
  }
}

const python = await startInterpreter(config, false);
installFetch();
for (const directory of ['/home/pyodide', '/home/web_user', '/home'])
  if (python.FS.analyzePath(directory).exists) python.FS.rmdir(directory);
if (config.wheels !== null)
  await python.loadPackage([...config.wheels.load], { messageCallback: () => {}, errorCallback: () => {} });
closePythonRealm(python);
// From here on errors are reported, not thrown: no caller would show them.
serve(python).catch((error: unknown) => {
  // biome-ignore lint/suspicious/noConsole: the engine's own console, read by the host as diagnosis
  console.error(String(error));
  exit(1);
});
