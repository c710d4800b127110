/** Titles are one short line from the request, safe to print. */

import { expect, test } from 'vitest';
import { titleOf } from './title.ts';

test.each([
  [{ type: 'ai_generate_and_execute', description: 'Calculate the factorial of 10' }, 'Calculate the factorial of 10'],
  [{ type: 'ai_generate_and_execute', description: '\n\n  Sum \t of it\nand more' }, 'Sum of it'],
  [{ type: 'execute', code: '#!/usr/bin/env python3\nprint(1)' }, '/usr/bin/env python3'],
  [{ type: 'execute', code: '# Primes below 100\nprint(2)' }, 'Primes below 100'],
  [{ type: 'execute', code: 'print(2)', title: 'Two' }, 'Two'],
  [{ type: 'shell', command: 'ls -l' }, 'ls -l'],
  [{ type: 'file_read', path: '/tmp/a.txt' }, '/tmp/a.txt'],
  [{ type: 'execute', code: '\n# \n' }, 'execute'],
  [{ description: 7 }, 'task'],
  [{ description: 'x'.repeat(300) }, `${'x'.repeat(99)}…`],
  [{ description: 'a\u202Eb\u0007c' }, 'a b c'],
])('%j', (data, title) => {
  expect(titleOf(data)).toBe(title);
});
