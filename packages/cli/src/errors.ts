/** The error of the command line itself. Messages: what is wrong, a semicolon, what to do; printed as `error:` and `hint:` lines. */

export type CliErrorKind = 'malformed' | 'untrusted' | 'unavailable' | 'refused' | 'misuse';

export const CLI_ERROR_KINDS = {
  'cli/agent-failed': 'unavailable',
  'cli/agent-unreachable': 'unavailable',
  'cli/bad-option': 'misuse',
  'cli/file-unreadable': 'misuse',
  'cli/file-unwritable': 'misuse',
  'cli/input-too-large': 'malformed',
  'cli/not-a-root': 'malformed',
  'cli/task-failed': 'refused',
  'cli/url-unreachable': 'unavailable',
  'provenance/malformed': 'malformed',
  'provenance/no-measurements': 'malformed',
  'provenance/untrusted': 'untrusted',
} as const satisfies Readonly<Record<string, CliErrorKind>>;

export type CliErrorCode = keyof typeof CLI_ERROR_KINDS;

export class CliError extends Error {
  readonly code: CliErrorCode;
  readonly kind: CliErrorKind;

  constructor(code: CliErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.name = 'CliError';
    this.code = code;
    this.kind = CLI_ERROR_KINDS[code];
  }
}

/** An error of any of our packages: all carry a code and a kind. */
export interface CodedError {
  readonly code: string;
  readonly kind: string;
  readonly message: string;
}

export function isCoded(error: unknown): error is CodedError {
  return (
    error instanceof Error &&
    typeof (error as Partial<CodedError>).code === 'string' &&
    typeof (error as Partial<CodedError>).kind === 'string'
  );
}
