/**
 * Runs JavaScript jobs inside a deno process without permissions. The program is wrapped here (`transform.ts`) into an async
 * function of `require`, `module`, … that reports its last value. A job ends as a Node program does: when nothing is left to do.
 *
 * User code shares this realm. It reaches what `realm.ts` lists and what `require` gives; the way to the host (`wire.ts`) is in
 * no object that it can reach. The boundary is still the process around it.
 */

import { type DoneHead, type GuestConfig, type JobHead, MESSAGE } from '../messages.ts';
import { sendArtifacts } from './artifacts.ts';
import { installFetch, setNetwork } from './bridge.ts';
import { inspect, makeConsole } from './console.ts';
import { forgetTimers, isIdle, reset } from './determinism.ts';
import { MemoryFiles } from './memory-files.ts';
import { loadBuiltins, makeProcess, makeRequire } from './modules.ts';
import type { Acorn } from './program-parser.ts';
import { installEvaluation, runScript } from './program-text.ts';
import { closeRealm } from './realm.ts';
import { installSubstitutes } from './substitutes.ts';
import { type ColumnShift, prepareJavaScript, type SyntaxDefect } from './transform.ts';
import { armUnseeded } from './unseeded.ts';
import { capInstantiation } from './wasm-memory.ts';
import { deno, exit, plain, receive, send } from './wire.ts';

const config = JSON.parse(deno.args[0] ?? '{}') as GuestConfig;
const encoder = new TextEncoder();
const files = new MemoryFiles();
/** What `/tmp` held before the cell ran; only what changed is collected. */
const before = new Map<string, Uint8Array>();
let head: Omit<JobHead, 'cell'>;
/** Names the cell to the host. Kept apart from `head`, which functions of the realm see. */
let cell = '';
let shifts: readonly ColumnShift[] = [];
let stdin: Uint8Array = new Uint8Array(0);
let value: unknown;
let failure: { readonly reason: unknown } | null = null;
let settled = false;
/** True between cells, so that nothing is reported without one. */
let finished = true;
const realSetTimeout = globalThis.setTimeout.bind(globalThis);

let silent = true;
const write = (type: number, text: string | Uint8Array): void => {
  const bytes = typeof text === 'string' ? encoder.encode(text) : text;
  if (!silent && bytes.length > 0) send(type, null, bytes);
};
const out = (text: string | Uint8Array): void => write(MESSAGE.stdout, text);
const err = (text: string | Uint8Array): void => write(MESSAGE.stderr, text);

const process = makeProcess({
  argv: [],
  out,
  err,
  stdin: () => stdin,
  exit: (code) => {
    // As in Node, nothing runs after it: the process is gone, and with it the state of a session.
    finish(code, { over: true });
    return exit(0);
  },
});

function prepareGlobals(): void {
  loadBuiltins();
  installSubstitutes({ fractionalNow: false });
  capInstantiation(config.memoryPages);
  installEvaluation();
  installFetch();
  Object.defineProperty(globalThis, 'console', { value: makeConsole(out, err), writable: true, configurable: true });
  Object.defineProperty(globalThis, 'process', { value: process, writable: true, configurable: true });
  closeRealm();
}

/** Takes the next job or cell from the host and starts it. */
async function begin(): Promise<void> {
  const frame = receive();
  if (frame.type !== MESSAGE.job) exit(0);
  ({ cell, ...head } = frame.head as unknown as JobHead & { cell: string });
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
  const prepared = prepareJavaScript(source, { acorn, session: head.session });
  if ('source' in prepared) {
    shifts = prepared.shifts;
    run(prepared.source, ethers);
  } else refuse(prepared);
}

/** Ends a cell whose program does not parse. */
function refuse(defect: SyntaxDefect): void {
  settled = true;
  defects.add(defect);
  failure = { reason: defect };
  realSetTimeout(conclude, 0);
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
  let main: Promise<unknown>;
  try {
    const program = runScript(source, 'main.js') as (...args: unknown[]) => Promise<unknown>;
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

/** Notes the first error. The cell ends when the code that runs now has come to its end. */
function fail(reason: unknown): void {
  settled = true;
  if (failure !== null || finished) return;
  failure = { reason };
  forgetTimers();
  realSetTimeout(conclude, 0);
}

/** Ends the cell when nothing is left to do, or an error ended it; in a session, waits for the next. */
function conclude(): void {
  if (finished || (failure === null && !isIdle())) return;
  if (failure === null && !settled)
    failure = { reason: new Error('the program waits for something that can never happen (an unsettled await)') };
  finish(failure === null ? Number(process.exitCode ?? 0) | 0 : settled ? 1 : 13, { over: false });
  void begin();
}

/** Reports the result, once. Whatever user code made of the realm, a cell that cannot be reported ends the process. */
function finish(exitCode: number, { over }: { readonly over: boolean }): void {
  if (finished) return;
  finished = true;
  try {
    report(exitCode, over || !head.session);
  } catch {
    exit(70);
  }
  if (over || !head.session) exit(0);
}

function report(exitCode: number, over: boolean): void {
  const error = failure === null ? null : describe(failure.reason);
  if (error !== null) err(`${error.traceback}\n`);
  sendArtifacts(
    (function* () {
      for (const { path, bytes } of files.entries()) if (bytes !== null) yield { path, bytes };
    })(),
    before,
    head,
  );
  const told = error === null ? null : plain(error);
  const done: DoneHead = { cell, over, exitCode, value: textOf(value), error: told, diskFull: files.full };
  send(MESSAGE.done, plain(done));
}

function textOf(last: unknown): string | null {
  if (last === undefined || last === null) return null;
  try {
    return (typeof last === 'string' ? last : inspect(last)).slice(0, 64 * 1024);
  } catch {
    return null;
  }
}

/** Defects are made here; user code has no way to one. */
const defects = new WeakSet<object>();
const isSyntaxDefect = (reason: unknown): reason is SyntaxDefect =>
  typeof reason === 'object' && reason !== null && defects.has(reason);

function describe(reason: unknown): NonNullable<DoneHead['error']> {
  try {
    if (isSyntaxDefect(reason)) return reason;
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

/** Names under which the engine shows the program itself. */
const EVALUATED = /^(?:async )?(?:Object\.)?(?:eval|<anonymous>)$/;

function tidyFrame(line: string): string {
  const file = line.lastIndexOf('main.js');
  const [, row, column] = /^main\.js(?:, <anonymous>)?:(\d+):(\d+)\)?$/.exec(line.slice(file)) ?? [];
  const before = line.slice(0, file).trimStart().slice('at '.length);
  const name = before.slice(0, Math.max(0, before.lastIndexOf(' ('))).replace(EVALUATED, '');
  const where = `main.js:${row}:${columnOf(Number(row), Number(column))}`;
  return name === '' ? `    at ${where}` : `    at ${name} (${where})`;
}

/** The program's own column for one in what was run. Both count from 1. */
function columnOf(line: number, column: number): number {
  let shift = 0;
  for (const [row, at, by] of shifts) {
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
// Any code may dispatch this event, so it is only a hint to look whether the program is over.
globalThis.addEventListener('beforeunload', (event) => {
  event.preventDefault();
  realSetTimeout(conclude, 0);
});

/** Goes once through what every job needs, so that the engine has compiled it before the job comes. */
function exercise(): void {
  reset('00'.repeat(32), 0);
  files.setLimits({ diskBytes: 16, fileBytes: 16, inodes: 16 });
  files.write('/tmp/exercise', new Uint8Array(1));
  files.remove('/tmp/exercise', { recursive: false, directory: false, force: false });
  const require = makeRequire({ files, stdin: () => stdin, process, ethers: null });
  const text = 'console.log("warm", { a: [1] }, new Error("x")); await 1;';
  const prepared = prepareJavaScript(text, { acorn, session: false });
  const program = runScript('source' in prepared ? prepared.source : '', 'main.js') as (...args: unknown[]) => Promise<unknown>;
  void program(require, {}, {}, '', '', require, () => {});
  describe(new Error('x'));
}

// Read before the globals go; deno imports it as a module only from here.
const acorn = (await import(config.acorn ?? '')) as Acorn;
prepareGlobals();
exercise();
if (config.preload) await preloadEthers();
silent = false;
armUnseeded();
send(MESSAGE.ready, null);
void begin();
