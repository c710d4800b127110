/** The one line of an error that says what went wrong. */

const NAMED = /^(?:Uncaught )?[\w$.]*(?:Error|Exception|Interrupt|Exit)\b/;

/**
 * The exception line of a traceback: the last unindented line that begins with the name of an error, otherwise the last line with text.
 * The lines that say where stay in the whole text.
 *
 * @example errorLine('Traceback (most recent call last):\n  File "/tmp/main.py", line 1\nKeyError: 1') // 'KeyError: 1'
 */
export function errorLine(error: string): string {
  const lines = error.split('\n').filter((line) => line.trim() !== '');
  return (lines.findLast((line) => NAMED.test(line)) ?? lines.at(-1) ?? '').trim();
}
