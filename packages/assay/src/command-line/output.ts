/** Text for terminals: colours where they are wanted, nothing that drives the terminal, long hex shortened. JSON goes out untouched. */

import type { CodedError, ErrorKind } from '@assay/encoding/coded-error';
import { visibleText } from '@assay/encoding/visible-text';
import type { Io } from './io.ts';
import { wrapped } from './layout.ts';

export interface Style {
  good(text: string): string;
  bad(text: string): string;
  open(text: string): string;
  faint(text: string): string;
  strong(text: string): string;
}

const COLOURS = { good: '32', bad: '31', open: '33', faint: '2', strong: '1' } as const;

/** No colours unless a terminal reads along; `NO_COLOR` (no-color.org) turns them off, `FORCE_COLOR` on. */
export function styleOf(io: Pick<Io, 'env' | 'interactive'>): Style {
  const { NO_COLOR, FORCE_COLOR, TERM } = io.env;
  const forced = FORCE_COLOR !== undefined && FORCE_COLOR !== '0' && FORCE_COLOR !== '';
  const colours = (NO_COLOR === undefined || NO_COLOR === '') && (forced || (io.interactive && TERM !== 'dumb'));
  const paint = (code: string) => (text: string) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
  return {
    good: paint(COLOURS.good),
    bad: paint(COLOURS.bad),
    open: paint(COLOURS.open),
    faint: paint(COLOURS.faint),
    strong: paint(COLOURS.strong),
  };
}

const LONG_HEX = /[0-9a-f]{41,}/gi;
const SHORT_FORM = /[0-9a-f]{16}…[0-9a-f]{8}/gi;

/**
 * Evidence is written by strangers: nothing in it may move the cursor or hide text. Runs of hex beyond 40 digits are shortened, unless two
 * that differ would then look alike.
 */
export function printable(text: string, options: { readonly full?: boolean } = {}): string {
  const safe = visibleText(text);
  return options.full === true || looksAlike(safe) ? safe : safe.replace(LONG_HEX, shortened);
}

function shortened(run: string): string {
  return `${run.slice(0, 16)}…${run.slice(-8)}`;
}

/** Whether two different runs of hex have one short form, or the text has the short form of a run already. */
function looksAlike(text: string): boolean {
  const runs = new Set(text.match(LONG_HEX));
  const forms = new Set([...runs].map(shortened));
  return forms.size < runs.size || (text.match(SHORT_FORM) ?? []).some((form) => forms.has(form));
}

/** Program output keeps its lines and tabs; other control characters, which could drive the terminal, do not get through. */
export function printableOutput(text: string): string {
  return text.replace(/\r\n/g, '\n').replace(/[^\P{Cc}\n\t]/gu, '\ufffd');
}

/** JSON for programs; big integers become decimal text, bytes lower-case hex. */
export function jsonText(value: unknown): string {
  const plain = (_: string, item: unknown): unknown => {
    if (typeof item === 'bigint') return item.toString();
    return item instanceof Uint8Array ? Buffer.from(item).toString('hex') : item;
  };
  return `${JSON.stringify(value, plain, 2)}\n`;
}

/** What helps where a message says nothing of it: docs/errors.md by kind. */
const BY_KIND: Readonly<Record<ErrorKind, string>> = {
  malformed: 'the file was cut or changed on its way, or is of another kind; get it again from its sender',
  untrusted: 'do not use it; docs/errors.md says more about the code',
  unavailable: 'supply what is missing, then try again; docs/errors.md says more about the code',
  refused: 'change the request or the policy, knowingly',
  misuse: 'change the call; docs/errors.md says more about the code',
};

/** Prints `error:` and `hint:` lines; our messages carry the advice behind the last semicolon. */
export function printError(error: Pick<CodedError, 'code' | 'kind' | 'message'>, io: Io, advice?: string): void {
  const cut = error.message.lastIndexOf('; ');
  const [what, own] = cut < 0 ? [error.message, undefined] : [error.message.slice(0, cut), error.message.slice(cut + 2)];
  io.stderr(wrapped(`error: ${printable(what)} [${error.code}]`, io.columns, 7));
  io.stderr(wrapped(`hint: ${printable(advice ?? own ?? BY_KIND[error.kind])}`, io.columns, 6));
}
