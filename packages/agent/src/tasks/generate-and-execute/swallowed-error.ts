/** Programs that catch their error, print it and end well. Small models write them although they are told not to. */

import type { SandboxResult } from '@assay/sandbox';

/** A program that says more than this has done something. Lines. */
const MOST_LINES = 3;

/**
 * What the next attempt should read when a run ended well and its output is an error that the program caught; `null` for every other run.
 * @example swallowedError('try:\n    f()\nexcept Exception as e:\n    print("Error:", e)', result)
 */
export function swallowedError(code: string, { status, stdout, artifacts }: SandboxResult): string | null {
  if (status !== 'ok' || artifacts.length > 0 || !/\b(?:except|catch)\b/.test(code)) return null;
  const lines = stdout.text.trim().split('\n');
  const last = lines.at(-1) ?? '';
  if (lines.length > MOST_LINES || !/^(?:an? )?(?:unexpected )?(?:error|exception)\b/i.test(last)) return null;
  return `the program caught an error, printed it and ended as if all were well: ${last}; mend the cause, and let errors end the program`;
}
