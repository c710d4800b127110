/** The operator's key: it comes from `ASSAY_OPERATOR_KEY`, never from the command line, and goes out sealed to a verified agent. */

import { CliError } from './errors.ts';
import type { Io } from './io.ts';

/** The header that carries it. */
export const OPERATOR_HEADER = 'x-operator-key';

/** The header with the key. @throws {CliError} `cli/bad-option` when it is not set. */
export function operatorKeyHeader(io: Io): Readonly<Record<string, string>> {
  const key = io.env.ASSAY_OPERATOR_KEY;
  if (key === undefined || key === '')
    throw new CliError(
      'cli/bad-option',
      'ASSAY_OPERATOR_KEY: expected the operator key that the agent was started with, got none; set it',
    );
  return { [OPERATOR_HEADER]: key };
}
