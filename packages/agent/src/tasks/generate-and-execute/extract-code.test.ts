import { expect, test } from 'vitest';
import { extractCode } from './extract-code.ts';

const cases: readonly {
  name: string;
  reply: string;
  language?: 'python' | 'javascript';
  code: string | null;
  reason?: RegExp;
}[] = [
  { name: 'one fence', reply: '```python\nprint(1)\n```', code: 'print(1)' },
  { name: 'prose around the fence', reply: 'Sure!\n\n```python\nprint(1)\n```\nThis prints one.', code: 'print(1)' },
  { name: 'short tag', reply: '```py\nprint(1)\n```', code: 'print(1)' },
  { name: 'tag in capitals', reply: '```Python\nprint(1)\n```', code: 'print(1)' },
  { name: 'title after the tag', reply: '```python title="a.py"\nprint(1)\n```', code: 'print(1)' },
  { name: 'no tag', reply: '```\nprint(1)\n```', code: 'print(1)' },
  { name: 'unclosed fence', reply: 'Here:\n```python\nx = 1\nprint(x)', code: 'x = 1\nprint(x)' },
  { name: 'tildes', reply: '~~~python\nprint(1)\n~~~', code: 'print(1)' },
  {
    name: 'fence inside a longer fence',
    reply: '````python\ns = """\n```\nx\n```\n"""\n````',
    code: 's = """\n```\nx\n```\n"""',
  },
  { name: 'indented fence', reply: '- Step\n  ```python\n  if True:\n      print(1)\n  ```', code: 'if True:\n    print(1)' },
  { name: 'windows line ends', reply: '```python\r\nprint(1)\r\nprint(2)\r\n```\r\n', code: 'print(1)\nprint(2)' },
  { name: 'thoughts first', reply: '<think>```python\nwrong()\n```</think>\n```python\nright()\n```', code: 'right()' },
  { name: 'thoughts whose opening tag was cut', reply: 'so I will\n</think>\n```python\nright()\n```', code: 'right()' },
  {
    name: 'several blocks in a row',
    reply: '```bash\npip install x\n```\n```python\nx=1\n```\n```python\nimport os\nprint(os.sep)\n```',
    code: 'x=1\n\nimport os\nprint(os.sep)',
  },
  {
    name: 'an output block after it',
    reply: '```python\nprint(1)\n```\nOutput:\n```\n1 and a very long line of output that is longer than the code\n```',
    code: 'print(1)',
  },
  { name: 'no fence', reply: 'import math\nprint(math.factorial(10))', code: 'import math\nprint(math.factorial(10))' },
  { name: 'JSON with code', reply: '{"code": "print(1)"}', code: 'print(1)' },
  { name: 'JSON in a fence', reply: '```json\n{"code": "print(1)\\nprint(2)"}\n```', code: 'print(1)\nprint(2)' },
  { name: 'JSON with a fence in it', reply: '{"code": "```python\\nprint(1)\\n```"}', code: 'print(1)' },
  {
    name: 'leading blank lines, kept indentation',
    reply: '```python\n\n\nfor i in range(2):\n    print(i)\n\n```',
    code: 'for i in range(2):\n    print(i)',
  },
  { name: 'javascript', reply: '```js\nconsole.log(1)\n```', language: 'javascript', code: 'console.log(1)' },
  {
    name: 'bare javascript',
    reply: 'const x = 1;\nconsole.log(x);',
    language: 'javascript',
    code: 'const x = 1;\nconsole.log(x);',
  },
  { name: 'the wrong language', reply: '```javascript\nconsole.log(1)\n```', code: null, reason: /javascript but no python/ },
  { name: 'prose', reply: 'To do this you would first open the file and then count its lines.', code: null, reason: /prose/ },
  { name: 'a refusal', reply: "I'm sorry, but I can't help with that request.", code: null, reason: /prose/ },
  { name: 'nothing', reply: '  \n', code: null, reason: /empty/ },
  { name: 'an empty fence', reply: '```python\n\n```', code: null, reason: /empty/ },
  { name: 'thoughts only', reply: '<think>I should write code', code: null, reason: /empty/ },
  {
    name: 'a program beyond all measure',
    reply: `\`\`\`python\n${'x = 1\n'.repeat(60_000)}\`\`\``,
    code: null,
    reason: /longer than/,
  },
];

for (const { name, reply, language = 'python', code, reason } of cases) {
  test(name, () => {
    const result = extractCode(reply, language);
    if (code === null) expect(result).toEqual({ found: false, reason: expect.stringMatching(reason ?? /./) });
    else expect(result).toMatchObject({ found: true, code });
  });
}

test('what is found stands verbatim in a reply with one fence', () => {
  const reply = 'A\n```python\nx = "é"\n\tprint(x)  # tab\n```';
  const result = extractCode(reply, 'python');
  expect(result.found && reply.includes(result.code)).toBe(true);
});
