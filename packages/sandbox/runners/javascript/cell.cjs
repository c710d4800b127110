'use strict';

/**
 * One JavaScript cell: waits for files and a job on descriptor 3, runs the code as an async function with `require`, reports
 * the value of the last expression, the error and the exit code. Single use unless the job belongs to a session.
 *
 * Everything here runs next to hostile code and is not trusted: limits, clean-up and the record are the host's.
 */

const fs = require('node:fs');
const path = require('node:path');
const util = require('node:util');
const vm = require('node:vm');
const Module = require('node:module');
const acorn = require('acorn');
const { toText } = require('./engine.mjs');
const { describe, exitCodeOf, programFrames, textOf, UNSETTLED, unsettledError } = require('./report.mjs');
const { prepareJavaScript } = require('./source.mjs');
const { TYPE, send, listen, writeFully } = require('./control.cjs');

const ROOT = process.env.ASSAY_ROOT ?? '/tmp';
const MAIN = '/tmp/main.js';
/** Where modules are looked for from: the program's folder under its real name. */
const MAIN_FILE = path.join(ROOT, 'main.js');
const FAILED = 1;
let current = null;
let socket = null;
const waiting = new Map();

const inspect = (value) => util.inspect(value, { depth: 4, maxArrayLength: 200 });

/** `leaves`: the process ends with this report, a session's too. */
function report(code, leaves) {
  const job = current;
  if (job === null) return;
  current = null;
  if (job.error !== null) writeOut(2, Buffer.from(`${job.error.traceback}\n`));
  if (job.fence) for (const descriptor of [1, 2]) writeOut(descriptor, Buffer.from(job.fence, 'hex'));
  const value = job.error === null ? textOf(job.value, inspect) : null;
  send(TYPE.done, { cell: job.cell, value, error: job.error, exitCode: exitCodeOf(code), leaves });
}

/** To a stream that the program may have closed. */
function writeOut(descriptor, bytes) {
  try {
    writeFully(descriptor, bytes);
  } catch {
    // Nobody can read it.
  }
}

/** Notes the first error, and ends the process of a program that is no cell of a session. */
function fail(reason, exitCode = FAILED) {
  if (current === null) return;
  const { shifts } = current;
  current.error ??= describe(reason, { inspect, framesOf: (error) => programFrames(toText(error.stack ?? ''), shifts) });
  if (!current.fence) process.exit(exitCode);
}

/** Whether the program listens itself: one listener of each event is ours. */
const listens = (event) => process.listenerCount(event) > 1;

/** Something thrown that nothing caught goes to the program's own listeners, as without us; else it is the program's error. */
function giveToProgram(reason, event) {
  const heard = listens(event) ? event : 'uncaughtException';
  if (listens(heard)) process.emit(heard, reason, heard === 'unhandledRejection' ? Promise.resolve() : event);
  else fail(reason);
}

/** What Node gives us: with listeners of the program beside ours, they have it already. */
function failUncaught(reason, event) {
  if (!listens(event)) giveToProgram(reason, event);
}

function writeFile({ head, body }) {
  const target = path.join(ROOT, String(head.path).replace(/^\/tmp\//, ''));
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(target, body);
}

/** `import()` as the program has it. */
function importer() {
  return new vm.Script('(name, options) => import(name, options)', {
    filename: MAIN_FILE,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  }).runInThisContext();
}

function compile(source) {
  return new vm.Script(source, {
    filename: MAIN,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  }).runInThisContext();
}

/** The program's module, which `require.main` gives to it and to every module that it loads. */
function makeMain() {
  const main = new Module('.', null);
  main.filename = MAIN;
  main.path = '/tmp';
  main.paths = Module._nodeModulePaths(ROOT);
  main.require = Module.createRequire(MAIN_FILE);
  process.mainModule = main;
  Module._cache[MAIN] = main;
  return main;
}

async function run(job) {
  current = { ...job, value: undefined, error: null, settled: false, shifts: [] };
  const running = current;
  process.argv = [process.argv[0], MAIN, ...job.argv];
  if (job.network) require('./network.cjs').install({ exchange });
  if (job.seed) require('./determinism.cjs').install(job);
  const prepared = prepareJavaScript(job.code, { acorn, session: Boolean(job.fence) });
  if (!('source' in prepared)) {
    running.settled = true;
    running.error = prepared;
    if (!job.fence) process.exit(FAILED);
  } else {
    running.shifts = prepared.shifts;
    for (const line of prepared.leftOut) writeOut(2, Buffer.from(`${line}\n`));
    await start(prepared.source, running);
  }
  if (job.fence) report(0, false);
}

async function start(source, running) {
  const keep = (value) => {
    running.value = value;
  };
  try {
    const main = makeMain();
    const require_ = Module.createRequire(MAIN_FILE);
    if (running.fence) Object.assign(globalThis, { require: require_ });
    await compile(source).call(main.exports, require_, main, main.exports, MAIN, '/tmp', importer(), keep);
    running.settled = true;
    main.loaded = true;
    await settleValue(running);
  } catch (error) {
    running.settled = true;
    giveToProgram(error, 'uncaughtException');
  }
}

/** A promise as last value is shown as what it becomes; when it is rejected, that is a rejection like any other. */
async function settleValue(running) {
  const { value } = running;
  if (!(value instanceof Promise)) return;
  running.settled = false;
  running.value = undefined;
  try {
    running.value = await value;
  } catch (reason) {
    giveToProgram(reason, 'unhandledRejection');
  }
  running.settled = true;
}

/** Runs the way of a job once, so that what V8 compiles on first use is there when the job comes. */
function warmUp() {
  const { source } = prepareJavaScript('const a = await 1; function f() { return [1, { b: 2 }]; } f();', {
    acorn,
    session: false,
  });
  compile(source)(require, {}, {}, MAIN, '/tmp', importer(), (value) => textOf(value, inspect)).catch(() => {});
  Module.createRequire(MAIN_FILE)('node:path');
  util.format('%s', 'x', 1);
  for (const stream of [process.stdout, process.stderr]) stream.write('');
}

/** One HTTP exchange through the host. */
function exchange(request, body) {
  return new Promise((resolve, reject) => {
    const id = waiting.size === 0 ? 1 : Math.max(...waiting.keys()) + 1;
    waiting.set(id, { resolve, reject });
    socket.ref();
    send(TYPE.request, { ...request, id }, body);
  });
}

function respond({ head, body }) {
  const entry = waiting.get(head.id);
  if (entry === undefined) return;
  waiting.delete(head.id);
  if (waiting.size === 0 && !current?.fence) socket.unref();
  if (head.error) entry.reject(Object.assign(new Error(head.error), { code: 'ERR_SANDBOX_NETWORK' }));
  else entry.resolve({ ...head, body });
}

/** For machines without Python: the shell runs as a child and its end is ours. */
function runShell(line, argv) {
  const { status } = require('node:child_process').spawnSync('/bin/sh', ['-c', line, 'sh', ...argv], { stdio: 'inherit' });
  process.exit(status ?? 1);
}

process.on('uncaughtException', (error) => failUncaught(error, 'uncaughtException'));
process.on('unhandledRejection', (reason) => failUncaught(reason, 'unhandledRejection'));
process.on('beforeExit', () => {
  if (current !== null && !current.settled) fail(unsettledError(), UNSETTLED);
});
// After the program's own listeners, which may print and change the exit code.
const emit = process.emit;
process.emit = function emitThenReport(event, ...values) {
  const heard = Reflect.apply(emit, this, [event, ...values]);
  if (event === 'exit') report(process.exitCode ?? values[0], true);
  return heard;
};

socket = listen((frame) => {
  if (frame.type === TYPE.file) writeFile(frame);
  else if (frame.type === TYPE.response) respond(frame);
  else if (frame.type === TYPE.job) {
    if (!frame.head.fence) socket.unref();
    if (frame.head.shell) runShell(frame.body.toString('utf8'), frame.head.argv);
    run({ ...frame.head, code: frame.body.toString('utf8') }).catch((error) => fail(error));
  }
});
// What the program prints is written before it goes on: nothing is lost at its end, and nothing piles up in memory.
for (const stream of [process.stdout, process.stderr]) stream._handle?.setBlocking?.(true);
warmUp();
process.chdir(ROOT);
if (ROOT !== '/tmp') require('./redirect.cjs').install(ROOT, (process.env.ASSAY_KEPT ?? ROOT).split(':'));
send(TYPE.ready, { version: process.version });
