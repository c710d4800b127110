/** What is said about a JavaScript program that has ended, the same in every lane. Types: `report.d.mts`. */

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
    return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text;
  } catch {
    return null;
  }
}

/** What a program sets as exit code, as the system keeps it. */
export function exitCodeOf(code) {
  return typeof code === 'number' ? code & EXIT_MASK : Number.parseInt(code ?? 0, 10) & EXIT_MASK || 0;
}

/** Name, message and trace of what was thrown; `framesOf` gives the program's own lines of a stack. */
export function describe(reason, { inspect, framesOf }) {
  try {
    if (!(reason instanceof Error)) {
      const text = typeof reason === 'string' ? reason : inspect(reason);
      return { name: 'Error', message: text.slice(0, MAX_MESSAGE), traceback: `Uncaught ${text}`.slice(0, MAX_TRACEBACK) };
    }
    const absent = absentPackage(reason);
    const message = absent ?? String(reason.message).slice(0, MAX_MESSAGE);
    const name = absent === null ? String(reason.name).slice(0, MAX_NAME) : 'PackageUnavailable';
    const head = message === '' ? name : `${name}: ${message}`;
    const frames = framesOf(String(reason.stack ?? '').split('\n')).slice(0, MAX_FRAMES);
    return { name, message, traceback: [head, ...frames].join('\n').slice(0, MAX_TRACEBACK) };
  } catch {
    return { name: 'Error', message: NO_WORDS, traceback: NO_WORDS };
  }
}

/** Node's words for a package that is not there; a path begins with a dot or a slash. */
const ABSENT_PACKAGE = /^Cannot find (?:module|package) '([^'./][^']*)'/;
const ABSENT_CODES = ['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND'];

/** What every lane says of a package that is not there; `null` for other errors. */
function absentPackage(reason) {
  const name = ABSENT_CODES.includes(reason.code) ? ABSENT_PACKAGE.exec(String(reason.message))?.[1] : undefined;
  return name === undefined ? null : `PACKAGE_UNAVAILABLE: '${name.slice(0, MAX_NAME)}' is not in this sandbox; do without it`;
}

/** Names under which the engine shows the program itself. */
const PROGRAM_ITSELF = /^(?:async )?(?:Object\.)?(?:eval|<anonymous>)$/;
const PROGRAM_FRAME = /^\s+at .*main\.js(?:, <anonymous>)?:\d+:\d+\)?$/;
const MODULE_FRAME = /^\s+at (?:.* \()?(?:file:\/\/)?\/tmp\/[^()]*:\d+:\d+\)?$/;
const PLACE = /^main\.js(?:, <anonymous>)?:(\d+):(\d+)\)?$/;

/** The stack's lines that are places of the program, in the program's own columns, and of the modules that came with it. */
export function programFrames(lines, shifts) {
  return lines.flatMap((line) => {
    if (PROGRAM_FRAME.test(line)) return [tidyFrame(line, shifts)];
    return MODULE_FRAME.test(line) && !line.includes('/runners/') ? [line] : [];
  });
}

function tidyFrame(line, shifts) {
  const file = line.lastIndexOf('main.js');
  const [, row, column] = PLACE.exec(line.slice(file)) ?? [];
  const before = line.slice(0, file).trimStart().slice('at '.length);
  const name = before.slice(0, Math.max(0, before.lastIndexOf(' ('))).replace(PROGRAM_ITSELF, '');
  const where = `main.js:${row}:${columnOf(Number(row), Number(column), shifts)}`;
  return name === '' ? `    at ${where}` : `    at ${name} (${where})`;
}

/** The program's own column for one in what was run. Both count from 1. */
function columnOf(line, column, shifts) {
  let shift = 0;
  for (const [row, at, by] of shifts) {
    if (row === line && column - 1 >= at + shift + Math.max(0, by)) shift += by;
  }
  return Math.max(1, column - shift);
}
