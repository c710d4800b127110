/**
 * Programs that end well and have done nothing: they catch their error and print it, print a value that says there is none, or print nothing at all.
 * Small models write them although they are told not to.
 */

import type { SandboxResult } from '@assay/sandbox';

/** A program that says more than this has done something. Lines. */
const MOST_LINES = 3;
/** What languages print for no value, and for a thing that has no text. */
const NO_VALUE =
  /^(?:undefined|null|None|NaN|nan|\[object \w+\]|<(?:function|built-in|class|module)\b.*>|<[\w. <>]+ at 0x[0-9a-f]+>)$/;

/**
 * What the next attempt should read when a run ended well without having done the task; `null` for every other run.
 * @param description the task: what it names itself may be printed.
 * @example emptySuccess('Print the sum', 'try:\n    f()\nexcept Exception as e:\n    print("Error:", e)', result)
 */
export function emptySuccess(description: string, code: string, result: SandboxResult): string | null {
  const { status, stdout, value, artifacts, network } = result;
  const printed = stdout.text.trim();
  if (status === 'ok' && printed === '' && (value ?? '') === '' && artifacts.length > 0 && /\bprint\b/i.test(description))
    return 'the program wrote a file and printed nothing, and the task asks to print; print the result';
  if (status !== 'ok' || artifacts.length > 0) return null;
  if (printed === '' && (value ?? '') === '' && network.length === 0)
    return 'the program ended without printing anything or writing a file; print the result';
  const lines = printed.split('\n');
  const last = (lines.at(-1) ?? '').trim();
  if (lines.length > MOST_LINES) return null;
  if (/\b(?:except|catch)\b/.test(code) && /^(?:an? )?(?:unexpected )?(?:error|exception)\b/i.test(last))
    return `the program caught an error, printed it and ended as if all were well: ${last}; mend the cause, and let errors end the program`;
  if (lines.length === 1 && NO_VALUE.test(last) && !description.includes(last))
    return `the program printed only ${last.slice(0, 80)}, which is no result; print the value itself`;
  return null;
}
