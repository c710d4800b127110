/** `console` that writes to the job's streams, formatted as Node does, with the job's clock behind its timers. */

import { elapsed } from './determinism.ts';
import { deno } from './wire.ts';

interface Internals {
  readonly Console: new (print: (text: string, level: number) => void) => Console;
  readonly inspectArgs: (args: readonly unknown[], options: object) => string;
}

const internals = (deno as unknown as Readonly<Record<symbol, Internals>>)[deno.internal] as Internals;
const QUOTES = { quotes: ["'", '"', '`'] };
const inspectDeno = deno.inspect;

/** Text of any value, as a console shows it inside an object. */
export function inspect(value: unknown): string {
  return inspectDeno(value, { ...QUOTES, depth: 4, colors: false });
}

/** Makes the console over two writers. */
export function makeConsole(out: (text: string) => void, err: (text: string) => void): Console {
  const shown = new internals.Console((text, level) => (level > 1 ? err : out)(text));
  const timers = new Map<string, number>();
  let indent = '';
  const writer =
    (write: (text: string) => void) =>
    (...args: unknown[]) => {
      const text = internals.inspectArgs(args, { ...QUOTES, colors: false });
      write(`${indent}${indent === '' ? text : text.replaceAll('\n', `\n${indent}`)}\n`);
    };
  const group = (...args: unknown[]): void => {
    if (args.length > 0) writer(out)(...args);
    indent += '  ';
  };
  const spent = (label: string): string => `${label}: ${(elapsed() - (timers.get(label) ?? 0)).toFixed(3)}ms`;
  return Object.assign(shown, {
    log: writer(out),
    info: writer(out),
    debug: writer(out),
    warn: writer(err),
    error: writer(err),
    trace: (...args: unknown[]) => writer(err)('Trace:', ...args),
    group,
    groupCollapsed: group,
    groupEnd: () => {
      indent = indent.slice(2);
    },
    time: (label = 'default') => void timers.set(label, elapsed()),
    timeLog: (label = 'default', ...args: unknown[]) => writer(out)(spent(label), ...args),
    timeEnd: (label = 'default') => {
      if (timers.has(label)) writer(out)(spent(label));
      timers.delete(label);
    },
    clear: () => {},
  });
}
