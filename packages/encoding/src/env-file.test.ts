/** What a line of a `.env` file may be. */

import { expect, test } from 'vitest';
import { parseEnvFile } from './env-file.ts';

const settings = (members: Record<string, string>) => ({ type: 'settings', settings: members });
const badLine = (line: number) => ({ type: 'bad-line', line });

const lines: readonly { text: string; expected: object }[] = [
  { text: 'A=1\r\n\r\n# note\nexport B = two words # note\n', expected: settings({ A: '1', B: 'two words' }) },
  { text: `A='#1 $x \\n'\nB="a\\n\\"b\\" # c" # note`, expected: settings({ A: '#1 $x \\n', B: 'a\n"b" # c' }) },
  { text: 'A=\nB=#nothing', expected: settings({ A: '', B: '' }) },
  { text: 'A=x#y', expected: settings({ A: 'x#y' }) },
  { text: '\uFEFFA=1', expected: settings({ A: '1' }) },
  { text: 'A=1\nAGENT_PORT 8000', expected: badLine(2) },
  { text: 'A="open', expected: badLine(1) },
  { text: "A='x' y", expected: badLine(1) },
];
test.each(lines)('$text', ({ text, expected }) => {
  expect(parseEnvFile(text)).toEqual(expected);
});
