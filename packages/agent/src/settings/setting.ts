/**
 * What a setting is: how its text is parsed, what holds without it, and what people read about it. A table of settings gives typed
 * values, problems, warnings and the page docs/settings.md, so that none of them can differ from the others.
 */

import { withoutTrailing } from '@assay/encoding/text-ends';

/** One environment variable. */
export interface Setting<Value> {
  /** The value of a text that is not empty; a `Refusal` says what is wrong with it. */
  readonly parse: (text: string) => Value | Refusal;
  /** The value when the variable is absent or empty. */
  readonly fallback: Value;
  /** What the page shows as values, Markdown. */
  readonly accepts: string;
  /** What the page shows as default, Markdown. */
  readonly byDefault: string;
  /** What the setting does, Markdown, one line. */
  readonly doc: string;
}

/** Why a text is no value, to follow the setting's name: `expected X, got Y`. A secret's text is not in it. */
export class Refusal {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** Members that every kind of setting takes. */
interface Described<Fallback> {
  readonly fallback: Fallback;
  /** Taken from the fallback when left out. */
  readonly byDefault?: string;
  readonly doc: string;
}

interface Bounds {
  readonly least: number;
  readonly most: number;
}

/** Any text; `expected` says in words what `pattern` takes. */
export function text<Fallback extends string | null>(
  about: Described<Fallback> & { readonly pattern?: RegExp; readonly expected?: string },
): Setting<string | Fallback> {
  const { pattern, expected = 'text' } = about;
  return {
    ...described(about, expected),
    parse: (given) => (pattern === undefined || pattern.test(given) ? given : refused(expected, given)),
  };
}

/** A whole number, decimal digits only. */
export function whole<Fallback extends number | null>(about: Described<Fallback> & Bounds): Setting<number | Fallback> {
  return number(about, /^[0-9]+$/, 'a whole number');
}

/** A number with an optional fraction. */
export function decimal<Fallback extends number | null>(about: Described<Fallback> & Bounds): Setting<number | Fallback> {
  return number(about, /^[0-9]+(\.[0-9]+)?$/, 'a number');
}

/** One of a few words. */
export function choice<const Choice extends string, Fallback extends NoInfer<Choice> | null>(
  about: Described<Fallback> & { readonly choices: readonly Choice[]; readonly anyCase?: true },
): Setting<Choice | Fallback> {
  const { choices } = about;
  return {
    ...described(about, choices.map(code).join(', ')),
    parse: (given) => {
      const wanted = about.anyCase === true ? given.toLowerCase() : given;
      return (
        choices.find((each) => each === wanted) ??
        new Refusal(`expected ${choices.join(', ')}, got ${quoted(given)}; set one of these`)
      );
    },
  };
}

/** An `http:` or `https:` URL without a password in it; a slash at its end goes. */
export function url(about: Omit<Described<null>, 'fallback'>): Setting<string | null> {
  const parse = (given: string): string | Refusal => {
    const parsed = URL.canParse(given) ? new URL(given) : null;
    const isWeb = parsed?.protocol === 'http:' || parsed?.protocol === 'https:';
    if (isWeb && parsed.username === '' && parsed.password === '') return withoutTrailing(given, '/');
    return new Refusal('expected an http:// or https:// URL without a user name or password in it');
  };
  return { ...described({ ...about, fallback: null }, 'URL'), parse };
}

/** A secret of the agent's own, at least `least` characters long. */
export function secret(about: Omit<Described<null>, 'fallback'> & { readonly least: number }): Setting<string | null> {
  const expected = `${about.least} or more printable ASCII characters without spaces`;
  return {
    ...described({ ...about, fallback: null }, expected),
    parse: (given) =>
      given.length >= about.least && /^[\x21-\x7e]+$/.test(given)
        ? given
        : new Refusal(`expected ${expected}; make one with: openssl rand -hex 32`),
  };
}

/** The URL of a PostgreSQL database. Its text can hold a password, so that no refusal repeats it. */
export function databaseUrl(about: Omit<Described<null>, 'fallback'>): Setting<string | null> {
  const expected = 'a URL like postgres://user:password@host:5432/name';
  return {
    ...described({ ...about, fallback: null }, expected),
    parse: (given) =>
      /^postgres(ql)?:\/\/[^\s]+$/.test(given) && URL.canParse(given)
        ? given
        : new Refusal(`expected ${expected}, got another form`),
  };
}

/** The text between backquotes. */
export const code = (value: string): string => `\`${value}\``;

/** `expected X, got Y` for a text that is no secret. */
export function refused(expected: string, given: string): Refusal {
  return new Refusal(`expected ${expected}, got ${quoted(given)}`);
}

const quoted = (given: string): string => JSON.stringify(given);

function number<Fallback extends number | null>(
  about: Described<Fallback> & Bounds,
  pattern: RegExp,
  what: string,
): Setting<number | Fallback> {
  const { least, most } = about;
  return {
    ...described(about, `${least} to ${most}`),
    parse: (given) => {
      const value = pattern.test(given) ? Number(given) : Number.NaN;
      return value >= least && value <= most ? value : refused(`${what} from ${least} to ${most}`, given);
    },
  };
}

function described<Fallback extends string | number | null>(
  { fallback, byDefault, doc }: Described<Fallback>,
  accepts: string,
) {
  return { fallback, accepts, doc, byDefault: byDefault ?? (fallback === null ? 'none' : code(String(fallback))) };
}
