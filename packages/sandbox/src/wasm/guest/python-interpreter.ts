/** Starts Pyodide in the guest: capped memory, frozen clock, seeded entropy, from the memory snapshot when there is one. */

import type { PyodideAPI } from 'pyodide';
import type { GuestConfig } from '../messages.ts';
import { fillRandom, reset } from './determinism.ts';
import { installEvaluation } from './program-text.ts';
import { installSubstitutes } from './substitutes.ts';
import { capInstantiation } from './wasm-memory.ts';
import { deno } from './wire.ts';

/** Fixed while the interpreter starts, so that its state is the same in every guest. */
const START_SEED = '00'.repeat(32);
const START_EPOCH_MS = 1_767_225_600_000;

const ENVIRONMENT = {
  HOME: '/tmp',
  LANG: 'C.UTF-8',
  TZ: 'UTC',
  PYTHONHASHSEED: '0',
  MPLBACKEND: 'Agg',
  MPLCONFIGDIR: '/cache',
  SOURCE_DATE_EPOCH: '1767225600',
};

/** Members of Pyodide that are real but not typed. */
export type Interpreter = PyodideAPI & { makeMemorySnapshot(): Uint8Array };

export type FileSystem = PyodideAPI['FS'];

/** Imported before the snapshot is made, so that jobs find them loaded. */
const PRELOADED =
  'asyncio, csv, collections, copy, datetime, decimal, functools, hashlib, itertools, math, re, statistics, string, textwrap, uuid';

/**
 * Starts the interpreter with the front end (`runners/python/_assay`) in it. `forSnapshot` leaves it ready for `makeMemorySnapshot`.
 * @throws {Error} without a Pyodide to start.
 */
export async function startInterpreter(config: GuestConfig, forSnapshot: boolean): Promise<Interpreter> {
  if (config.pyodide === null) throw new Error('no Pyodide configured');
  await replaceHostEntropy();
  reset(START_SEED, START_EPOCH_MS);
  installSubstitutes({ fractionalNow: true });
  installEvaluation();
  capInstantiation(config.memoryPages);
  const { loadPyodide } = (await import(`${config.pyodide}pyodide.mjs`)) as typeof import('pyodide');
  const lock = config.wheels === null ? EMPTY_LOCK : new TextDecoder().decode(deno.readFileSync(config.wheels.lockFile));
  const snapshot = config.snapshot === null ? null : deno.readFileSync(config.snapshot);
  const interpreter = (await loadPyodide({
    indexURL: new URL(config.pyodide).pathname,
    lockFileContents: lock,
    env: ENVIRONMENT,
    ...(config.wheels === null ? {} : { packageBaseUrl: config.wheels.directory }),
    ...(snapshot === null ? {} : { _loadSnapshot: snapshot }),
    ...(forSnapshot ? { _makeSnapshot: true } : {}),
  })) as Interpreter;
  if (snapshot === null) {
    loadFrontEnd(interpreter, config.frontEnd);
  }
  return interpreter;
}

/** Imports the front end from its files. They are not there any more when programs run. */
function loadFrontEnd(interpreter: Interpreter, paths: readonly string[]): void {
  const { FS } = interpreter;
  const place = '/assay/_assay';
  FS.mkdirTree(place);
  const inside = paths.map((path) => ({ path, copy: `${place}/${path.split(/[\\/]/).at(-1)}` }));
  for (const { path, copy } of inside) FS.writeFile(copy, deno.readFileSync(path));
  interpreter.runPython(`
import ${PRELOADED}, sys
sys.dont_write_bytecode = True
sys.path.insert(0, '/assay')
from _assay import wasm_cell
wasm_cell.set_up()
sys.path.remove('/assay')
sys.path_importer_cache.pop('/assay', None)
sys.path_importer_cache.pop('/assay/_assay', None)
del wasm_cell
`);
  for (const { copy } of inside) FS.unlink(copy);
  FS.rmdir(place);
  FS.rmdir('/assay');
}

const EMPTY_LOCK = JSON.stringify({
  info: { abi_version: '2026_0', arch: 'wasm32', platform: 'emscripten_5_0_3', python: '3.14.2', version: '0' },
  packages: {},
});

/** The interpreter's C library asks Node's crypto module for randomness. */
async function replaceHostEntropy(): Promise<void> {
  const crypto = (await import('node:crypto')) as unknown as { readonly default: Record<string, unknown> };
  crypto.default.randomFillSync = fillRandom;
}
