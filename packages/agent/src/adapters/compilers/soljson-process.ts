/**
 * One compiler in a process of its own: loads one `soljson.js` and compiles what its parent sends, one input after another. The call is
 * synchronous and may never return; the parent ends the process then. Runs under Node's permission model: it may read this file and
 * `soljson.js`, and nothing else; it may start nothing.
 *
 * The exported C functions differ with the version (solc-js `bindings/compile.ts`): `compileStandard(input, callback)` up to 0.4.26,
 * `solidity_compile(input, callback)` in 0.5, `solidity_compile(input, callback, context)` since 0.6. No callback is given: every source
 * comes with the input.
 */

import { createRequire } from 'node:module';

interface Soljson {
  cwrap(name: string, result: 'string', parameters: readonly ('string' | 'number')[]): (...values: unknown[]) => string;
  readonly _solidity_version?: unknown;
  readonly _solidity_compile?: unknown;
  readonly _solidity_reset?: () => void;
}

/** What the parent sends. */
export interface CompileOrder {
  readonly id: number;
  readonly input: string;
}

/** What it gets. The first message has `version` and no `id`. */
export type CompileReport =
  | { readonly version: string }
  | { readonly id: number; readonly output: string }
  | { readonly id: number; readonly fault: string };

const soljson = createRequire(import.meta.url)(String(process.argv[2])) as Soljson;
const version = soljson.cwrap(soljson._solidity_version === undefined ? 'version' : 'solidity_version', 'string', [])();
const compile = bind();

/** C's null pointer: no callback, no context. */
const NONE = 0;

function bind(): (input: string) => string {
  if (soljson._solidity_compile === undefined) {
    const call = soljson.cwrap('compileStandard', 'string', ['string', 'number']);
    return (input) => call(input, NONE);
  }
  const minor = Number(version.split('.')[1]);
  const call = soljson.cwrap('solidity_compile', 'string', minor >= 6 ? ['string', 'number', 'number'] : ['string', 'number']);
  return (input) => call(input, NONE, NONE);
}

function carryOut({ id, input }: CompileOrder): CompileReport {
  try {
    return { id, output: compile(input) };
  } catch (error) {
    return { id, fault: String((error as Error)?.message ?? error).slice(0, 500) };
  } finally {
    soljson._solidity_reset?.();
  }
}

process.on('message', (order) => process.send?.(carryOut(order as CompileOrder)));
process.on('disconnect', () => process.exit(0));
process.send?.({ version } satisfies CompileReport);
