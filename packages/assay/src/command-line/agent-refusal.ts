/**
 * What a verified agent refused, under the code that it gave: docs/errors.md explains the agent's codes, and a denial ends a command as a
 * denial. The server, which knows all its codes, need not be installed where owners sign.
 */

import { CodedError, type ErrorKind } from '@assay/encoding/coded-error';
import { OPERATOR_ERROR_KINDS } from '@assay/operator';
import { CliError } from './errors.ts';

/** A code, the agent's words and the status that it answered with. */
export interface AgentAnswer {
  readonly status: number;
  /** `null`: the answer is no problem document with a code. */
  readonly code: string | null;
  /** One line; advice stands behind the last semicolon. */
  readonly message: string;
}

const CODE = /^[a-z0-9-]{1,40}\/[a-z0-9-]{1,60}$/;
const REFUSED: readonly number[] = [403, 409];

/** Of codes that only the server knows. */
const KIND_OF_STATUS: Readonly<Record<number, ErrorKind>> = {
  400: 'malformed',
  403: 'refused',
  404: 'misuse',
  409: 'refused',
  413: 'malformed',
  422: 'malformed',
};

class AgentRefusal extends CodedError {
  constructor(kind: ErrorKind, { code, message, status }: AgentAnswer & { readonly code: string }) {
    super('AgentRefusal', kind, code, message, { details: { status } });
  }
}

/**
 * The error for an answer that refuses: the agent's code where it is about owners or says no, `cli/agent-refused` for a no without a code.
 * `null` for every other answer.
 * @example agentRefusal({ status: 403, code: 'operator/denied', message: 'a rule denies it; ask its owners' })?.code // operator/denied
 */
export function agentRefusal({ status, code, message }: AgentAnswer): CodedError | null {
  if (code !== null && CODE.test(code) && (code.startsWith('operator/') || REFUSED.includes(status)))
    return new AgentRefusal(kindOf(code, status), { status, code, message });
  return REFUSED.includes(status) ? new CliError('cli/agent-refused', message) : null;
}

function kindOf(code: string, status: number): ErrorKind {
  const known: Readonly<Record<string, ErrorKind>> = OPERATOR_ERROR_KINDS;
  return (Object.hasOwn(known, code) ? known[code] : KIND_OF_STATUS[status]) ?? 'unavailable';
}
