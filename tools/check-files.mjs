// Holds the house rules that no linter knows: no file over 400 lines, no room whose name says nothing, no code that is compiled wrong.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const MAX_LINES = 400;
const EMPTY_NAMES = /(^|\/)(utils?|helpers?|common|misc|manager|data|info|process|handle)(\.|\/|$)/;

/** The compiler takes the parentheses off with the type, and `new` then takes the call for the class. */
const CALL_AS_CLASS = /\bnew \([^()]*\([^()]*\) as /;

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
  .trim()
  .split('\n');
const faults = [];
for (const file of files) {
  if (/^packages\/[^/]+\/src\/.*\.(ts|tsx)$/.test(file)) {
    const text = readFileSync(file, 'utf8');
    const lines = text.split('\n').length - 1;
    if (CALL_AS_CLASS.test(text)) faults.push(`${file}: expected a name behind new, got a call in parentheses`);
    if (lines > MAX_LINES) faults.push(`${file}: ${lines} lines, expected at most ${MAX_LINES}`);
  }
  if (file.startsWith('packages/') && EMPTY_NAMES.test(file)) faults.push(`${file}: the name says nothing; name the concept`);
}
for (const fault of faults) console.error(fault);
process.exit(faults.length > 0 ? 1 : 0);
