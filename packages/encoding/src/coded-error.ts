/**
 * The error that every package throws: a code of a closed list, the kind that follows from it, and one line that says what was
 * expected, what came and what to do. Each package names its own class over its own list (`errors.ts`).
 */

/**
 * What a caller does next. `malformed`: stop, this is not what it should be. `untrusted`: stop, it is not authentic. `unavailable`:
 * something is missing, get it or retry. `refused`: it will not be done as things are set. `misuse`: fix the call or the setting.
 */
export type ErrorKind = 'malformed' | 'untrusted' | 'unavailable' | 'refused' | 'misuse';

export interface CodedErrorOptions {
  readonly cause?: unknown;
  /** Facts for programs: expected and actual values, offsets, lengths. Never secrets or payloads. */
  readonly details?: Readonly<Record<string, unknown>>;
}

const CODED: unique symbol = Symbol.for('assay.CodedError') as never;

/** What the errors of all packages have in common. */
export abstract class CodedError<Code extends string = string, Kind extends ErrorKind = ErrorKind> extends Error {
  readonly code: Code;
  readonly kind: Kind;
  readonly details: Readonly<Record<string, unknown>>;
  readonly [CODED]: string;

  protected constructor(name: string, kind: Kind, code: Code, message: string, options: CodedErrorOptions) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = name;
    this.code = code;
    this.kind = kind;
    this.details = options.details ?? {};
    this[CODED] = name;
  }
}

/**
 * True for an error of any of these packages, also across duplicate copies of one.
 * @example try { parseJson(bytes) } catch (error) { if (isCoded(error)) console.error(error.code, error.kind) }
 */
export function isCoded(error: unknown): error is CodedError {
  return typeof error === 'object' && error !== null && CODED in error;
}

type ErrorOf<Kinds extends Readonly<Record<string, ErrorKind>>> = CodedError<keyof Kinds & string, Kinds[keyof Kinds & string]>;

/** One package's error class, over its own list of codes. */
export interface CodedErrorClass<Kinds extends Readonly<Record<string, ErrorKind>>> {
  new (code: keyof Kinds & string, message: string, options?: CodedErrorOptions): ErrorOf<Kinds>;
  /** True for errors of this class, also across duplicate copies of the package. */
  is(error: unknown): error is ErrorOf<Kinds>;
}

/**
 * The base of one package's error class.
 *
 * @param name of the class, which also tells it from the others.
 * @param kinds every code with its kind; nothing else can be thrown.
 * @example
 * export class EncodingError extends codedError('EncodingError', ENCODING_ERROR_KINDS) {}
 * throw new EncodingError('hex/malformed', 'expected an even number of hex digits, got 3');
 */
export function codedError<const Kinds extends Readonly<Record<string, ErrorKind>>>(
  name: string,
  kinds: Kinds,
): CodedErrorClass<Kinds> {
  return class extends CodedError<keyof Kinds & string, Kinds[keyof Kinds & string]> {
    constructor(code: keyof Kinds & string, message: string, options: CodedErrorOptions = {}) {
      super(name, kinds[code], code, message, options);
    }

    static is(this: void, error: unknown): error is ErrorOf<Kinds> {
      return isCoded(error) && error[CODED] === name;
    }
  };
}
