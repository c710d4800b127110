/** The error of the command line itself. Messages: what is wrong, a semicolon, what to do; printed as `error:` and `hint:` lines. */

import { codedError, type ErrorKind } from '@assay/encoding/coded-error';

export const CLI_ERROR_KINDS = {
  'cli/agent-failed': 'unavailable',
  'cli/agent-refused': 'refused',
  'cli/agent-unreachable': 'unavailable',
  'cli/bad-option': 'misuse',
  'cli/evidence-refused': 'refused',
  'cli/file-outside': 'refused',
  'cli/file-unreadable': 'misuse',
  'cli/file-unwritable': 'misuse',
  'cli/input-too-large': 'malformed',
  'cli/interrupted': 'unavailable',
  'cli/no-build': 'malformed',
  'cli/no-code': 'misuse',
  'cli/no-summary': 'refused',
  'cli/node-too-old': 'misuse',
  'cli/not-an-image': 'malformed',
  'cli/not-a-root': 'malformed',
  'cli/other-agent': 'untrusted',
  'cli/package-missing': 'misuse',
  'cli/root-not-trusted': 'untrusted',
  'cli/rpc-failed': 'unavailable',
  'cli/rpc-lies': 'untrusted',
  'cli/task-failed': 'refused',
  'cli/url-redirected': 'unavailable',
  'cli/url-unreachable': 'unavailable',
  'provenance/malformed': 'malformed',
  'provenance/no-measurements': 'malformed',
  'provenance/untrusted': 'untrusted',
} as const satisfies Readonly<Record<string, ErrorKind>>;

export type CliErrorCode = keyof typeof CLI_ERROR_KINDS;

export class CliError extends codedError('CliError', CLI_ERROR_KINDS) {}
