/** How this checkout's own programs say that something failed: two lines for what a person can mend, the stack for a fault of the program. */

import { isCoded } from '../packages/encoding/src/coded-error.ts';

/** Prints `error:` and `hint:` lines on standard error; the hint stands behind the last semicolon of the message. */
export function printFailure(message: string, code?: string): void {
  const cut = message.lastIndexOf('; ');
  const named = code === undefined ? '' : ` [${code}]`;
  if (cut < 0) console.error(`error: ${message}${named}`);
  else console.error(`error: ${message.slice(0, cut)}${named}\nhint: ${message.slice(cut + 2)}`);
}

/**
 * Prints what ended a program, and has the process end with 1: errors of the form "expected …, got …; do …", coded ones, and those of the system (files,
 * processes, the network) without their stack.
 * @example await build().catch(endWithFailure);
 */
export function endWithFailure(error: unknown): void {
  process.exitCode = 1;
  if (isCoded(error)) printFailure(error.message, error.code);
  else if (error instanceof Error && error.message.startsWith('expected ')) printFailure(error.message);
  else printSystemFailure(error);
}

function printSystemFailure(error: unknown): void {
  const failed = systemErrorIn(error);
  if (failed === null) {
    console.error(error);
    return;
  }
  const { syscall, code, path, address, port, hostname } = failed;
  if (path !== undefined && !syscall.startsWith('spawn')) {
    printFailure(`cannot use ${path}: ${code}; check the path`);
    return;
  }
  const place = path ?? hostname ?? (address === undefined ? '' : `${address}${port === undefined ? '' : `:${port}`}`);
  printFailure(`cannot ${[syscall.split(' ')[0], place].filter(Boolean).join(' ')}: ${code}; ${adviceOn(syscall)}`);
}

function adviceOn(syscall: string): string {
  if (syscall.startsWith('spawn')) return 'install the program, or put it on PATH';
  return /^(?:connect|getaddrinfo|query)/.test(syscall)
    ? 'check the address, and that something answers there'
    : 'check what the system allows here';
}

interface SystemError {
  readonly syscall: string;
  readonly code: string;
  readonly path?: string | undefined;
  readonly address?: string | undefined;
  readonly port?: number | undefined;
  readonly hostname?: string | undefined;
}

/** Deeper chains of causes than any of Node. */
const MOST_CAUSES = 8;

/** The error of the system that is the error, its cause, or the first of several attempts; `null` when there is none. */
function systemErrorIn(error: unknown, left = MOST_CAUSES): SystemError | null {
  if (!(error instanceof Error) || left === 0) return null;
  if ('syscall' in error && 'code' in error) {
    const { syscall, code, ...rest } = error as Error & Record<keyof SystemError, unknown>;
    const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
    const port = typeof rest.port === 'number' ? rest.port : undefined;
    const places = { path: text(rest.path), address: text(rest.address), hostname: text(rest.hostname) };
    return { syscall: String(syscall), code: String(code), ...places, port };
  }
  const inner = [...(error instanceof AggregateError ? error.errors : []), error.cause];
  for (const each of inner) {
    const found = systemErrorIn(each, left - 1);
    if (found !== null) return found;
  }
  return null;
}
