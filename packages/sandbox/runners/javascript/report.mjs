/**
 * What is said about a JavaScript program that has ended, the same in every lane and whatever the program made of its realm: see
 * `engine.mjs`. Types: `report.d.mts`.
 */

import { indexOf, isError, lastIndexOf, match, slice, toInteger, toText, trimStart } from './engine.mjs';

const MAX_VALUE = 64 * 1024;
const MAX_MESSAGE = 8192;
const MAX_NAME = 200;
const MAX_TRACEBACK = 32 * 1024;
const MAX_FRAMES = 30;
const EXIT_MASK = 255;
const NO_WORDS = 'an error that cannot be shown';

/** Node's exit code for a program whose top-level await can never settle. */
export const UNSETTLED = 13;

export const unsettledError = () => new Error('the program waits for something that can never happen (an unsettled await)');

/** Text of the last expression's value; `undefined` has none. */
export function textOf(value, inspect) {
  if (value === undefined) return null;
  try {
    const text = typeof value === 'string' ? value : inspect(value);
    return text.length > MAX_VALUE ? `${slice(text, 0, MAX_VALUE)}…` : text;
  } catch {
    return null;
  }
}

/** What a program sets as exit code, as the system keeps it. */
export function exitCodeOf(code) {
  return typeof code === 'number' ? code & EXIT_MASK : toInteger(code ?? 0, 10) & EXIT_MASK || 0;
}

/** Name, message and trace of what was thrown; `framesOf` gives the program's own lines of a stack. */
export function describe(reason, { inspect, framesOf }) {
  try {
    if (!isError(reason)) {
      const text = typeof reason === 'string' ? reason : inspect(reason);
      return { name: 'Error', message: slice(text, 0, MAX_MESSAGE), traceback: slice(`Uncaught ${text}`, 0, MAX_TRACEBACK) };
    }
    const absent = absentPackage(reason);
    const message = absent ?? slice(toText(reason.message), 0, MAX_MESSAGE);
    const name = absent === null ? slice(toText(reason.name), 0, MAX_NAME) : 'PackageUnavailable';
    const head = message === '' ? name : `${name}: ${message}`;
    return { name, message, traceback: slice(head + framesOf(reason), 0, MAX_TRACEBACK) };
  } catch {
    return { name: 'Error', message: NO_WORDS, traceback: NO_WORDS };
  }
}

/** Node's words for a package that is not there; a path begins with a dot or a slash. */
const ABSENT_PACKAGE = /^Cannot find (?:module|package) '([^'./][^']*)'/;

/** What every lane says of a package that is not there; `null` for other errors. */
function absentPackage({ code, message }) {
  if (code !== 'MODULE_NOT_FOUND' && code !== 'ERR_MODULE_NOT_FOUND') return null;
  const name = match(ABSENT_PACKAGE, toText(message))?.[1];
  return name === undefined ? null : `PACKAGE_UNAVAILABLE: '${slice(name, 0, MAX_NAME)}' is not in this sandbox; do without it`;
}

/** Names under which the engine shows the program itself. */
const PROGRAM_ITSELF = /^(?:async )?(?:Object\.)?(?:eval|<anonymous>)$/;
const PROGRAM_FRAME = /^\s+at .*main\.js(?:, <anonymous>)?:\d+:\d+\)?$/;
const MODULE_FRAME = /^\s+at (?:.* \()?(?:file:\/\/)?\/tmp\/[^()]*:\d+:\d+\)?$/;
const PLACE = /^main\.js(?:, <anonymous>)?:(\d+):(\d+)\)?$/;

/**
 * The lines of a stack that are places of the program, in the program's own columns, and of the modules that came with it; each
 * after a line break.
 */
export function programFrames(stack, shifts) {
  let frames = '';
  let count = 0;
  for (let at = 0; at < stack.length && count < MAX_FRAMES; ) {
    const found = indexOf(stack, '\n', at);
    const end = found === -1 ? stack.length : found;
    const line = slice(stack, at, end);
    at = end + 1;
    const own = match(PROGRAM_FRAME, line) !== null;
    if (!own && (match(MODULE_FRAME, line) === null || indexOf(line, '/runners/') !== -1)) continue;
    frames += `\n${own ? tidyFrame(line, shifts) : line}`;
    count += 1;
  }
  return frames;
}

function tidyFrame(line, shifts) {
  const file = lastIndexOf(line, 'main.js');
  const place = match(PLACE, slice(line, file));
  const before = slice(trimStart(slice(line, 0, file)), 'at '.length);
  const bracket = lastIndexOf(before, ' (');
  const called = bracket === -1 ? '' : slice(before, 0, bracket);
  const where = `main.js:${place?.[1]}:${columnOf(+place?.[1], +place?.[2], shifts)}`;
  return called === '' || match(PROGRAM_ITSELF, called) !== null ? `    at ${where}` : `    at ${called} (${where})`;
}

/** The program's own column for one in what was run. Both count from 1. */
function columnOf(line, column, shifts) {
  let shift = 0;
  for (let index = 0; index < shifts.length; index += 1) {
    const { 0: row, 1: at, 2: by } = shifts[index];
    if (row === line && column - 1 >= at + shift + (by > 0 ? by : 0)) shift += by;
  }
  const shown = column - shift;
  if (shown < 1) return 1;
  return shown;
}
