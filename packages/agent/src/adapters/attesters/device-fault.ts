/** What a device of a TEE did wrong, in the words of an operator: which place, which error of the system, what to do. */

import { ServerError } from '../../errors.ts';

const ADVICE: Readonly<Record<string, string>> = {
  EACCES: 'run the agent as a user who may use it',
  EPERM: 'run the agent as a user who may use it',
  ENOENT: 'load the driver of the TEE, and hand the place on to a container',
  ENODEV: 'load the driver of the TEE',
  ENXIO: 'load the driver of the TEE',
  ENOSPC: 'remove the reports that other programs left there',
  ETIMEDOUT: 'look whether the host serves quotes (for TDX: its quote generation service)',
};

/**
 * The error for a failed call of the system at `place`; errors that are coded already stay as they are.
 * @example throw deviceFault('/dev/nsm', error)
 */
export function deviceFault(place: string, error: unknown): ServerError {
  if (ServerError.is(error)) return error;
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  return new ServerError(
    'attester/unavailable',
    `expected evidence through ${place}, got ${code}; ${ADVICE[code] ?? "look into the kernel's log, then try again"}`,
    { cause: error },
  );
}
