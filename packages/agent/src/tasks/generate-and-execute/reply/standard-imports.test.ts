/** Forgotten imports of the standard library are added; every other program stays as it is. */

import { expect, test } from 'vitest';
import { programOf } from './reply-program.ts';
import { withImports } from './standard-imports.ts';

test.each<[string, Parameters<typeof withImports>[1], string, readonly string[]]>([
  ['a module', 'python', 'print(json.dumps([1]))', ['import json']],
  ['two modules', 'python', 'print(json.dumps(list(csv.reader(["a"]))))', ['import json', 'import csv']],
  ['a member', 'python', 'print(Counter("aab"))', ['from collections import Counter']],
  ['a module below lines that were given', 'python', 'values = [1]\nprint(statistics.mean(values))', ['import statistics']],
  ['a module in a function', 'python', 'def f():\n    return math.pi\nprint(f())', ['import math']],
  ['a module in JavaScript', 'javascript', 'console.log(fs.readFileSync("/tmp/a", "utf8"))', ['const fs = require("fs");']],
])('%s', (_, language, code, lines) => {
  expect(withImports(code, language)).toEqual({ code: `${lines.join('\n')}\n${code}`, lines });
});

test.each<[string, Parameters<typeof withImports>[1], string]>([
  ['imported', 'python', 'import json\nprint(json.dumps(1))'],
  ['imported under another name', 'python', 'import statistics as json\nprint(json.mean([1]))'],
  ['imported from a package', 'python', 'from datetime import date\nprint(date.today())'],
  ['a variable', 'python', 'string = "a.b"\nprint(string.split())'],
  ['a parameter', 'python', 'def f(time):\n    return time.lower()\nprint(f("A"))'],
  ['in a text', 'python', 'print("json.dumps and Counter")'],
  ['a value, not a module', 'python', 'print(time)'],
  ['unknown', 'python', 'print(total.sum())'],
  ['required', 'javascript', 'const fs = require("fs");\nconsole.log(fs.readdirSync("/tmp"))'],
  ['global there', 'javascript', 'console.log(crypto.randomUUID(), Buffer.from("a"))'],
  ['no program', 'python', 'print(json.dumps('],
  ['behind a docstring', 'python', '"""Says."""\nprint(json.dumps(1))'],
])('a name that is %s', (_, language, code) => {
  expect(withImports(code, language)).toBeNull();
});

test('the answer says which line was added', async () => {
  const text = '```python\nprint(json.dumps(1))\n```';
  const reply = { text, reasoning: '', toolCalls: [], finish: 'stop', finishReason: 'stop' } as unknown as Parameters<
    typeof programOf
  >[0];
  expect(await programOf(reply, 'python')).toEqual({
    kind: 'program',
    code: 'import json\nprint(json.dumps(1))',
    notes: ['it got the line import json'],
    tool: null,
  });
});
