'use strict';

/**
 * One JavaScript cell: waits for files and a job on descriptor 3, runs the code as an async function with `require`, reports
 * the value of the last expression, the error and the exit code. Single use unless the job belongs to a session.
 *
 * Everything here runs beside hostile code and is believed by nobody: limits, clean-up and the record are the host's.
 */

const childProcess = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const util = require('node:util');
const vm = require('node:vm');
const { createRequire } = require('node:module');
const { functionBody, RESULT } = require('./javascript-source.cjs');
const { TYPE, send, listen, writeFully } = require('./control.cjs');

const ROOT = process.env.ASSAY_ROOT ?? '/tmp';
const MAX_VALUE = 64 * 1024;
let current = null;
let socket = null;
const waiting = new Map();

function exitCodeOf(code) {
  return typeof code === 'number' ? code & 255 : Number.parseInt(code ?? 0, 10) & 255 || 0;
}

function describe(error) {
  if (!(error instanceof Error) && !(error && typeof error === 'object' && 'stack' in error)) {
    return { name: 'Error', message: `thrown: ${util.inspect(error)}`, traceback: `Uncaught ${util.inspect(error)}` };
  }
  const lines = String(error.stack ?? error).split('\n');
  const own = lines.findIndex((line) => line.includes(__dirname) || line.includes('node:internal'));
  const traceback = (own === -1 ? lines : lines.slice(0, own)).join('\n');
  return { name: String(error.name), message: String(error.message).slice(0, 4096), traceback: traceback.slice(0, 32 * 1024) };
}

function show(value) {
  const text = typeof value === 'string' ? value : util.inspect(value, { depth: 4, maxArrayLength: 200 });
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text;
}

/** `leaves`: the process ends with this report, a session's too. */
function report(code, leaves) {
  const job = current;
  if (job === null) return;
  current = null;
  if (job.error !== null) writeOut(2, Buffer.from(`${job.error.traceback}\n`));
  if (job.fence) for (const descriptor of [1, 2]) writeOut(descriptor, Buffer.from(job.fence, 'hex'));
  const value = job.error === null && job.value !== undefined ? show(job.value) : null;
  const exitCode = job.error === null ? exitCodeOf(code) : 1;
  send(TYPE.done, { cell: job.cell, value, error: job.error, exitCode, leaves });
}

/** To a stream that the program may have closed. */
function writeOut(descriptor, bytes) {
  try {
    writeFully(descriptor, bytes);
  } catch {
    // Nobody can read it.
  }
}

function fail(error) {
  if (current === null) return;
  current.error ??= describe(error);
  if (!current.fence) process.exit(1);
}

function writeFile({ head, body }) {
  const target = path.join(ROOT, String(head.path).replace(/^\/tmp\//, ''));
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(target, body);
}

function compile(job) {
  const body = functionBody(job.code, { keep: Boolean(job.fence) });
  const head = `(async (exports, require, module, __filename, __dirname, ${RESULT}) => {`;
  const filename = path.join(ROOT, 'main.js');
  return new vm.Script(`${head}${body}\n})`, {
    filename,
    columnOffset: -head.length,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  }).runInThisContext();
}

async function run(job) {
  current = { ...job, value: undefined, error: null, settled: false };
  const running = current;
  process.argv = [process.argv[0], path.join(ROOT, 'main.js'), ...job.argv];
  if (job.network) require('./network.cjs').install({ exchange });
  if (job.seed) require('./determinism.cjs').install(job);
  try {
    const program = compile(job);
    const filename = path.join(ROOT, 'main.js');
    const module = { exports: {}, filename, id: '.', loaded: false, children: [], paths: [] };
    const require_ = createRequire(filename);
    const keep = (value) => {
      running.value = value;
      return value;
    };
    await program.call(module.exports, module.exports, require_, module, filename, ROOT, keep);
    if (running.value && typeof running.value.then === 'function') running.value = await running.value;
    running.settled = true;
  } catch (error) {
    running.settled = true;
    fail(error);
  }
  if (job.fence) report(0, false);
}

/** Runs the way of a job once, so that what V8 compiles on first use is there when the job comes. */
function warmUp() {
  const body = functionBody('const a = await 1; function f() { return [1, { b: 2 }]; } f();');
  new vm.Script(`(async (${RESULT}) => {${body}\n})`, {
    filename: path.join(ROOT, 'main.js'),
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  })
    .runInThisContext()((value) => show(value))
    .catch(() => {});
  createRequire(path.join(ROOT, 'main.js'))('node:path');
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
  const { status } = childProcess.spawnSync('/bin/sh', ['-c', line, 'sh', ...argv], { stdio: 'inherit' });
  process.exit(status ?? 1);
}

process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
process.on('beforeExit', () => {
  if (current !== null && !current.settled) fail(new Error('the program waits for a promise that nothing can settle any more'));
});
process.on('exit', (code) => report(code, true));

socket = listen((frame) => {
  if (frame.type === TYPE.file) writeFile(frame);
  else if (frame.type === TYPE.response) respond(frame);
  else if (frame.type === TYPE.job) {
    if (!frame.head.fence) socket.unref();
    if (frame.head.shell) runShell(frame.body.toString('utf8'), frame.head.argv);
    run({ ...frame.head, code: frame.body.toString('utf8') }).catch(fail);
  }
});
// What the program prints is written before it goes on: nothing is lost at its end, and nothing piles up in memory.
for (const stream of [process.stdout, process.stderr]) stream._handle?.setBlocking?.(true);
warmUp();
process.chdir(ROOT);
if (ROOT !== '/tmp') require('./redirect.cjs').install(ROOT, (process.env.ASSAY_KEPT ?? ROOT).split(':'));
send(TYPE.ready, { version: process.version });
