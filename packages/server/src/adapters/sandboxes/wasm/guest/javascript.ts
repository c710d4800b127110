/**
 * Runs JavaScript jobs inside a deno process without permissions. The source arrives wrapped by the host (`transform.ts`): an
 * async function of `require`, `module`, … that reports its last value. A job ends as a Node program does: when nothing is left to do.
 *
 * Not a boundary: everything here can be reached and replaced by the code. The boundary is the process around it.
 */

import { type DoneHead, type GuestConfig, type JobHead, MESSAGE } from '../messages.ts';
import { sendArtifacts } from './artifacts.ts';
import { installFetch, setNetwork } from './bridge.ts';
import { inspect, makeConsole } from './console.ts';
import { deno, receive, send } from './deno.ts';
import { install, reset } from './determinism.ts';
import { MemoryFiles } from './memory-files.ts';
import { keepBuiltins, makeProcess, makeRequire } from './modules.ts';

const config = JSON.parse(deno.args[0] ?? '{}') as GuestConfig;
const encoder = new TextEncoder();
const files = new MemoryFiles();
/** What `/tmp` held before the cell ran; only what changed is collected. */
const before = new Map<string, Uint8Array>();
let head: JobHead;
let stdin: Uint8Array = new Uint8Array(0);
let value: unknown;
let failure: { readonly reason: unknown } | null = null;
let settled = false;
let finished = false;

class ExitSignal {
  readonly code: number;
  constructor(code: number) {
    this.code = code;
  }
}

let silent = true;
const write = (type: number, text: string | Uint8Array): void => {
  if (!silent) send(type, null, typeof text === 'string' ? encoder.encode(text) : text);
};
const out = (text: string | Uint8Array): void => write(MESSAGE.stdout, text);
const err = (text: string | Uint8Array): void => write(MESSAGE.stderr, text);

const process = makeProcess({
  argv: [],
  out,
  err,
  stdin: () => stdin,
  exit: (code) => {
    finish(code);
    throw new ExitSignal(code);
  },
});

function prepareGlobals(): void {
  keepBuiltins();
  install({ fractionalNow: false });
  installFetch();
  Object.defineProperty(globalThis, 'console', { value: makeConsole(out, err), writable: true, configurable: true });
  Object.defineProperty(globalThis, 'process', { value: process, writable: true, configurable: true });
  for (const name of ['localStorage', 'sessionStorage', 'caches', 'alert', 'confirm', 'prompt']) {
    Reflect.deleteProperty(globalThis, name);
  }
}

/** Takes the next job or cell from the host and starts it. */
async function begin(): Promise<void> {
  const frame = receive();
  if (frame.type !== MESSAGE.job) deno.exit(0);
  head = frame.head as unknown as JobHead;
  const source = new TextDecoder().decode(frame.body);
  value = undefined;
  failure = null;
  settled = false;
  finished = false;
  process.exitCode = undefined;
  (process.argv as string[]).splice(2, Number.POSITIVE_INFINITY, ...head.argv);
  setNetwork(head.network);
  reset(head.seed, head.epochMs);
  files.setLimits(head);
  files.full = false;
  before.clear();
  for (let index = 0; index < head.files; index += 1) {
    const file = receive();
    const path = String(file.head.path);
    files.makeDirectory(path.slice(0, path.lastIndexOf('/')), true);
    files.write(path, file.body.slice());
  }
  for (const entry of files.entries()) if (entry.bytes !== null) before.set(entry.path, entry.bytes);
  stdin = receive().body.slice();
  const ethers = /\bethers\b/.test(source) ? await loadEthers() : null;
  reset(head.seed, head.epochMs);
  run(source, ethers);
}

type Namespace = Readonly<Record<string, unknown>>;

/** Loads ethers, or gives what was loaded. */
async function loadEthers(): Promise<Namespace | null> {
  return config.ethers === null ? null : ((await import(config.ethers)) as Namespace);
}

/** Loads ethers and has its tables computed, which takes longer than most jobs. */
async function preloadEthers(): Promise<void> {
  const { ethers } = (await loadEthers()) as {
    readonly ethers: { readonly Wallet: new (key: string) => { readonly address: string } };
  };
  reset('00'.repeat(32), 0);
  void new ethers.Wallet(`0x${'11'.repeat(32)}`).address;
}

function run(source: string, ethers: Namespace | null): void {
  const require = makeRequire({ files, stdin: () => stdin, process, ethers });
  const load = async (name: unknown): Promise<unknown> => {
    const module = require(String(name));
    return typeof module === 'object' && module !== null && 'default' in module
      ? module
      : Object.assign(Object.create(null), module, { default: module });
  };
  const keep = (last: unknown): void => {
    value = last;
    if (last instanceof Promise) {
      value = undefined;
      last.then(
        (result) => {
          value = result;
        },
        () => {},
      );
      void last.then();
    }
  };
  Object.assign(globalThis, { require });
  const module = { exports: {} };
  // biome-ignore lint/security/noGlobalEval: running code is what this guest is for; the process around it is the boundary
  const start = globalThis.eval;
  let main: Promise<unknown>;
  try {
    const program = start(source) as (...args: unknown[]) => Promise<unknown>;
    main = program.call(module.exports, require, module, module.exports, '/tmp/main.js', '/tmp', load, keep);
  } catch (reason) {
    main = Promise.reject(reason);
  }
  main.then(
    () => {
      settled = true;
    },
    (reason: unknown) => fail(reason),
  );
}

function fail(reason: unknown): void {
  settled = true;
  if (reason instanceof ExitSignal || finished) return;
  failure ??= { reason };
  finish(1);
}

/** Reports the result and ends, or waits for the next cell. Safe to call more than once. */
function finish(exitCode: number): void {
  if (finished) return;
  finished = true;
  const error = failure === null ? null : describe(failure.reason);
  if (error !== null) err(`${error.traceback}\n`);
  sendArtifacts(
    (function* () {
      for (const { path, bytes } of files.entries()) if (bytes !== null) yield { path, bytes };
    })(),
    before,
    head,
  );
  const done: DoneHead = { exitCode, value: textOf(value), error, diskFull: files.full };
  send(MESSAGE.done, { ...done });
  if (!head.session) deno.exit(0);
}

function textOf(last: unknown): string | null {
  if (last === undefined || last === null) return null;
  try {
    return (typeof last === 'string' ? last : inspect(last)).slice(0, 64 * 1024);
  } catch {
    return null;
  }
}

function describe(reason: unknown): NonNullable<DoneHead['error']> {
  try {
    if (!(reason instanceof Error)) {
      const text = typeof reason === 'string' ? reason : inspect(reason);
      return { name: 'Error', message: text.slice(0, 8192), traceback: `Uncaught ${text}`.slice(0, 16_384) };
    }
    const message = String(reason.message).slice(0, 8192);
    const name = String(reason.name).slice(0, 200);
    const lines = String(reason.stack ?? '').split('\n');
    const frames = lines.filter((line) => /^\s+at .*main\.js(?:, <anonymous>)?:\d+:\d+\)?$/.test(line)).map(tidyFrame);
    return { name, message, traceback: [`${name}: ${message}`, ...frames.slice(0, 30)].join('\n').slice(0, 32_768) };
  } catch {
    return { name: 'Error', message: 'an error that cannot be shown', traceback: 'an error that cannot be shown' };
  }
}

function tidyFrame(line: string): string {
  const place =
    /^\s+at (?:(?<name>.*) \()?.*main\.js(?:, <anonymous>)?:(?<row>\d+):(?<column>\d+)\)?$/.exec(line)?.groups ?? {};
  const column = columnOf(Number(place.row), Number(place.column));
  const name = (place.name ?? '').replace(/^(?:async )?(?:Object\.)?(?:eval|<anonymous>)$/, '');
  const where = `main.js:${place.row}:${column}`;
  return name === '' ? `    at ${where}` : `    at ${name} (${where})`;
}

/** The program's own column for one in what was run. Both count from 1. */
function columnOf(line: number, column: number): number {
  let shift = 0;
  for (const [row, at, by] of head.shifts) {
    if (row === line && column - 1 >= at + shift + Math.max(0, by)) shift += by;
  }
  return Math.max(1, column - shift);
}

globalThis.addEventListener('unhandledrejection', (event) => {
  event.preventDefault();
  fail(event.reason);
});
globalThis.addEventListener('error', (event) => {
  event.preventDefault();
  fail(event.error);
});
globalThis.addEventListener('beforeunload', (event) => {
  if (!finished && !settled)
    failure = { reason: new Error('the program waits for something that can never happen (an unsettled await)') };
  finish(failure === null ? Number(process.exitCode ?? 0) | 0 : failure && !settled ? 13 : 1);
  event.preventDefault();
  void begin();
});

/** Goes once through what every job needs, so that the engine has compiled it before the job comes. */
function exercise(): void {
  reset('00'.repeat(32), 0);
  files.setLimits({ diskBytes: 16, fileBytes: 16, inodes: 16 });
  files.write('/tmp/exercise', new Uint8Array(1));
  files.remove('/tmp/exercise', { recursive: false, directory: false, force: false });
  const require = makeRequire({ files, stdin: () => stdin, process, ethers: null });
  // biome-ignore lint/security/noGlobalEval: a constant
  const start = globalThis.eval;
  const program = start('(async function (require) { console.log("warm", { a: [1] }, new Error("x")); await 1; })') as (
    load: unknown,
  ) => Promise<unknown>;
  void program(require);
  describe(new Error('x'));
}

prepareGlobals();
exercise();
if (config.preload) await preloadEthers();
silent = false;
send(MESSAGE.ready, null);
void begin();
