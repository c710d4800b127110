/**
 * What the harness reports of a JavaScript program stays the same when the program replaces methods of the engine: no trace names a
 * script of the runtime, and errors, values and files are told as without it.
 */

import { describe, expect, it } from 'vitest';
import { wasmTestLane } from '../../../../tests/lanes/wasm-lane.ts';

const { javascript: js } = wasmTestLane();

/** Stacks whose calls pass through functions of the runtime: its timers, its files and its loader. */
const SHOW = `
Error.stackTraceLimit = 100;
const caught = (call) => { try { call() } catch (error) { return error } };
console.log(caught(() => require('fs').readFileSync('/tmp/missing')).stack);
setTimeout(() => console.log(new Error('late').stack), 1);`;

describe('traces name scripts of the program only', () => {
  it.each<[string, string]>([
    ['nothing', ''],
    ['tests of strings', 'String.prototype.startsWith = () => false; RegExp.prototype.test = () => true'],
    ['what regular expressions run', "RegExp.prototype.exec = () => ['']"],
    ['the filter of arrays', 'Array.prototype.filter = function () { return this }'],
    ['the iterator of arrays', 'Array.prototype[Symbol.iterator] = () => { throw new Error("no") }'],
    [
      'the first place of arrays',
      `Object.defineProperty(Array.prototype, '0', { configurable: true, set(value) {
        if (/guest|ext:/.test(String(value))) console.log(String(value));
        Object.defineProperty(this, '0', { value, writable: true, enumerable: true, configurable: true });
      } })`,
    ],
    ['the members of sets and maps', 'Set.prototype.has = Map.prototype.has = WeakMap.prototype.has = () => true'],
  ])('when a program replaces %s', async (_name, attack) => {
    const result = await js(`${attack};${SHOW}`);
    expect(result.stdout.text).toContain('late');
    expect(result.stdout.text).toContain('main.js');
    expect(result.stdout.text).not.toMatch(/file:|ext:|node:|\/guest\/|\.ts\b/);
  });

  it('when code names itself after a file of the machine', async () => {
    const result = await js("eval('throw new Error(1)\\n//# sourceURL=file:///srv/agent/main.js')");
    expect(result.error?.traceback).not.toContain('/srv/agent');
    const shown = await js(
      "console.log(eval('(() => { try { null.x } catch (e) { return e.stack } })()\\n//# sourceURL=/srv/agent/main.js'))",
    );
    expect(shown.stdout.text).toContain('TypeError');
    expect(shown.stdout.text).not.toContain('/srv/agent');
  });
});

it.each([
  ['{}', 'Error\n'],
  ["{ name: 'N', message: 'm' }", 'N: m\n'],
  ["{ name: '', message: 'm' }", 'm\n'],
])('the stack of %s begins as its text does', async (object, head) => {
  const result = await js(`const held = ${object}; Error.captureStackTrace(held); console.log(held.stack)`);
  expect(result.stdout.text.startsWith(`${head}    at `)).toBe(true);
});

describe('an error is told as it was', () => {
  it.each<[string, string]>([
    ['String.prototype.split', 'String.prototype.split = () => []'],
    ['String.prototype.slice', "String.prototype.slice = () => 'forged'"],
    ['String, the function', "globalThis.String = () => 'forged'"],
    ['methods of arrays', "for (const name of ['map', 'flatMap', 'join', 'slice']) Array.prototype[name] = () => 'forged'"],
    ['the iterator of arrays', 'Array.prototype[Symbol.iterator] = function* () {}'],
    ['what regular expressions run', 'RegExp.prototype.exec = () => null'],
    ['tests of regular expressions', 'RegExp.prototype.test = () => false'],
    ['what an error is', 'Object.defineProperty(Error, Symbol.hasInstance, { value: () => false })'],
    ['Error.prepareStackTrace', "Error.prepareStackTrace = () => 'Error: forged\\n    at main.js:99:99'"],
    ['Error.captureStackTrace', 'Error.captureStackTrace = () => {}'],
    ['Number and Math', 'globalThis.Number = () => 99; Math.max = () => 99'],
  ])('when a program replaces %s', async (_name, attack) => {
    const result = await js(`${attack};\nfunction f() {\n  throw new TypeError("bad")\n}\nf()`);
    expect(result.error).toEqual({
      name: 'TypeError',
      message: 'bad',
      traceback: 'TypeError: bad\n    at f (main.js:3:9)\n    at main.js:5:1',
    });
    expect(result.exitCode).toBe(1);
  });
});

describe('a result is told as it is', () => {
  it.each<[string, string]>([
    ['methods of maps', 'Map.prototype.get = Map.prototype.has = () => undefined; Map.prototype.entries = () => []'],
    ['the iterator of maps', 'Map.prototype[Symbol.iterator] = function* () {}'],
    ['methods of arrays', "for (const name of ['map', 'sort', 'slice']) Array.prototype[name] = () => []"],
    ['generators', 'Object.getPrototypeOf(function* () {}).prototype.next = () => ({ done: true })'],
    ['the iterator of arrays', 'Array.prototype[Symbol.iterator] = () => ({ next: () => ({ done: true }) })'],
    ['numbers', 'Number.parseInt = globalThis.parseInt = () => 9'],
    ['the end', "process.emit = () => { throw new Error('no') }"],
  ])('when a program replaces %s', async (_name, attack) => {
    const result = await js(`require('fs').writeFileSync('/tmp/made.txt', 'made');\n${attack};\n'the value';`);
    expect([result.status, result.exitCode, result.value]).toEqual(['ok', 0, 'the value']);
    expect(result.artifacts.map(({ path }) => path)).toEqual(['/tmp/made.txt']);
  });
});
