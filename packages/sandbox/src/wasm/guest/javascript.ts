/**
 * Runs JavaScript jobs inside a deno process without permissions. The program is wrapped here (`runners/javascript/source.mjs`) into an async
 * function of `require`, `module`, … that reports its last value. A job ends as a Node program does: when nothing is left to do.
 *
 * User code shares this realm. It reaches what `realm.ts` lists and what `require` gives; the way to the host (`wire.ts`) is in
 * no object that it can reach. The boundary is still the process around it.
 */

import { newMap } from '../../../runners/javascript/engine.mjs';
import type { Acorn } from '../../../runners/javascript/parser.mjs';
import { describe, exitCodeOf, programFrames, textOf, UNSETTLED, unsettledError } from '../../../runners/javascript/report.mjs';
import { type ColumnShift, prepareJavaScript, type SyntaxDefect } from '../../../runners/javascript/source.mjs';
import { type DoneHead, type GuestConfig, type JobHead, MESSAGE } from '../messages.ts';
import { artifactSender } from './artifacts.ts';
import { installFetch, setNetwork } from './bridge.ts';
import { inspect, makeConsole } from './console.ts';
import { forgetTimers, isIdle, reset } from './determinism.ts';
import { MemoryFiles } from './memory-files.ts';
import { loadBuiltins, makeBuiltins, makeProcess, makeStdin } from './modules.ts';
import { installEvaluation, runScript } from './program-text.ts';
import { closeRealm } from './realm.ts';
import { installSubstitutes } from './substitutes.ts';
import { placesOf } from './traces.ts';
import { armUnseeded } from './unseeded.ts';
import { MAIN, ModuleLoader } from './uploaded-modules.ts';
import { capInstantiation } from './wasm-memory.ts';
import { deno, exit, plain, receive, send } from './wire.ts';

const config = JSON.parse(deno.args[0] ?? '{}') as GuestConfig;
const encoder = new TextEncoder();
const files = new MemoryFiles();
/** What `/tmp` held before the cell ran; only what changed is collected. */
const before = newMap<string, Uint8Array>();
let head: Omit<JobHead, 'cell'>;
/** Names the cell to the host. Kept apart from `head`, which functions of the realm see. */
let cell = '';
let shifts: readonly ColumnShift[] = [];
let stdin: Uint8Array = new Uint8Array(0);
let value: unknown;
let failure: { readonly reason: unknown } | null = null;
let settled = false;
/** True between cells: an error that comes then belongs to no cell, and is not reported. */
let finished = true;
const realSetTimeout = globalThis.setTimeout.bind(globalThis);

let silent = true;
const write = (type: number, text: string | Uint8Array): void => {
  const bytes = typeof text === 'string' ? encoder.encode(text) : text;
  if (!silent && bytes.length > 0) send(type, null, bytes);
};
const out = (text: string | Uint8Array): void => write(MESSAGE.stdout, text);
const err = (text: string | Uint8Array): void => write(MESSAGE.stderr, text);

loadBuiltins();
const process = makeProcess({
  argv: [],
  out,
  err,
  exit: (code) => {
    process.exitCode = code;
    // As in Node, nothing runs after it: the process is gone, and with it the state of a session.
    finish(code, { over: true });
    return exit(0);
  },
});
const emit = process.emit as (event: string, ...args: unknown[]) => boolean;
const listeners = process.listenerCount as (event: string) => number;
/** True from the event `exit` on, which comes once. */
let leaving = false;

function prepareGlobals(): void {
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
  files.visit((path, bytes) => {
    if (bytes !== null) before.set(path, bytes);
  });
  stdin = receive().body.slice();
  process.stdin = makeStdin(stdin);
  const ethers = /\bethers\b/.test(source) ? await loadEthers() : null;
  reset(head.seed, head.epochMs);
  const prepared = prepareJavaScript(source, { acorn, session: head.session });
  if ('source' in prepared) {
    shifts = prepared.shifts;
    for (const line of prepared.leftOut) err(`${line}\n`);
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
  const { get, has } = makeBuiltins({ files, stdin: () => stdin, process, ethers });
  const loader = new ModuleLoader({ files, acorn, builtin: get, isBuiltin: has });
  const require = loader.requireFrom('/tmp');
  const module = loader.main;
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
  let main: Promise<unknown>;
  try {
    const program = runScript(source, 'main.js') as (...args: unknown[]) => Promise<unknown>;
    main = program.call(module.exports, require, module, module.exports, MAIN, '/tmp', loader.importFrom('/tmp'), keep);
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

/** Notes the first error that no listener takes. The cell ends when the code that runs now has come to its end. */
function fail(reason: unknown, event = 'uncaughtException'): void {
  settled = true;
  if (failure !== null || finished) return;
  const taking = listeners(event) > 0 ? event : 'uncaughtException';
  if (listeners(taking) > 0) {
    realSetTimeout(() => {
      attempt(() => emit(taking, reason, taking === 'unhandledRejection' ? Promise.resolve() : taking));
      conclude();
    }, 0);
    return;
  }
  failure = { reason };
  forgetTimers();
  realSetTimeout(conclude, 0);
}

/** Ends the cell when nothing is left to do, or an error ended it; in a session, waits for the next. */
function conclude(): void {
  if (finished || (failure === null && !isIdle())) return;
  if (failure === null && !head.session) {
    attempt(() => emit('beforeExit', exitCodeOf(process.exitCode)));
    if (finished || (failure === null && !isIdle())) return;
  }
  if (failure === null && !settled) failure = { reason: unsettledError() };
  finish(failure === null ? exitCodeOf(process.exitCode) : settled ? 1 : UNSETTLED, { over: false });
  void begin();
}

/** Reports the result, once. Whatever user code made of the realm, a cell that cannot be reported ends the process. */
function finish(exitCode: number, { over }: { readonly over: boolean }): void {
  if (finished) return;
  const last = over || !head.session;
  const code = last ? exitCodeAfter(exitCode) : exitCode;
  if (finished) return;
  finished = true;
  try {
    report(code, last);
  } catch {
    exit(70);
  }
  if (over || !head.session) exit(0);
}

/** Runs what the program wants to have run when its process ends; gives the exit code, which that can change. */
function exitCodeAfter(exitCode: number): number {
  if (leaving) return exitCodeOf(process.exitCode ?? exitCode);
  leaving = true;
  if (failure !== null) process.exitCode = exitCode;
  attempt(() => emit('exit', exitCode));
  return exitCodeOf(process.exitCode ?? exitCode);
}

/** Calls the program's listeners; what they throw is the program's error. */
function attempt(call: () => unknown): void {
  try {
    call();
  } catch (reason) {
    failure ??= { reason };
  }
}

function report(exitCode: number, over: boolean): void {
  const error = failure === null ? null : describeReason(failure.reason);
  if (error !== null) err(`${error.traceback}\n`);
  const sendArtifact = artifactSender(before, head);
  files.visit((path, bytes) => {
    if (bytes !== null) sendArtifact({ path, bytes });
  });
  const told = error === null ? null : plain(error);
  const done: DoneHead = { cell, over, exitCode, value: textOf(value, inspect), error: told, diskFull: files.full };
  send(MESSAGE.done, plain(done));
}

/** Defects are made here; user code has no way to one. */
const defects = new WeakSet<object>();
const isSyntaxDefect = (reason: unknown): reason is SyntaxDefect =>
  typeof reason === 'object' && reason !== null && defects.has(reason);

function describeReason(reason: unknown): NonNullable<DoneHead['error']> {
  return isSyntaxDefect(reason)
    ? reason
    : describe(reason, { inspect, framesOf: (error) => programFrames(placesOf(error), shifts) });
}

globalThis.addEventListener('unhandledrejection', (event) => {
  event.preventDefault();
  fail(event.reason, 'unhandledRejection');
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
  const { get } = makeBuiltins({ files, stdin: () => stdin, process, ethers: null });
  const text = 'console.log("warm", { a: [1] }, new Error("x")); await 1;';
  const prepared = prepareJavaScript(text, { acorn, session: false });
  const program = runScript('source' in prepared ? prepared.source : '', 'main.js') as (...args: unknown[]) => Promise<unknown>;
  void program(get, {}, {}, '', '', get, () => {});
  describeReason(new Error('x'));
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
