/** Programs as replies really hold them, by kind: thoughts, fences, several blocks, tool calls, end marks, odd characters. */

import { describe, expect, test } from 'vitest';
import { extractCode } from '../extract-code.ts';
import { extractAside } from './extract-aside.ts';
import type { GeneratedLanguage } from './language.ts';

const F = '```';
const python = (code: string): string => `${F}python\n${code}\n${F}`;

/** Kind, reply, what the program holds, what it must not hold. */
type Row = readonly [kind: string, reply: string, holds: string, not?: string];

const PYTHON: readonly Row[] = [
  [
    'draft in a thought',
    `<think>\n${python('print("draft")')}\n</think>\n${python('print("kept")')}`,
    'print("kept")',
    'draft',
  ],
  [
    'draft in a thinking element',
    `<thinking>${python('print("draft")')}</thinking>${python('print("kept")')}`,
    'kept',
    'draft',
  ],
  ['draft in bracketed thoughts', `[THINK]${python('print("draft")')}[/THINK]${python('print("kept")')}`, 'kept', 'draft'],
  ['thought without its beginning', `plan: ${python('print("draft")')}\n</think>\n${python('print("kept")')}`, 'kept', 'draft'],
  ['thought tags as text', python('print("<think>a</think>".count("<"))'), '"<think>a</think>"'],
  ['closing thought tag as text', python('print("</think>")'), '"</think>"'],
  [
    'channel of a final answer',
    `<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>${python('print(11)')}`,
    'print(11)',
  ],
  ['end mark behind the fence', `${python('print(1)')}<|im_end|>`, 'print(1)', 'im_end'],
  ['end mark of another family', `${python('print(1)')}\n<end_of_turn>`, 'print(1)', 'end_of_turn'],
  ['end mark as text of the program', python('print("<|im_end|>".upper())'), '"<|im_end|>"'],
  ['tildes', '~~~python\nprint(6)\n~~~', 'print(6)', '~~~'],
  ['four ticks', `${F}\`python\nprint(6)\n${F}\``, 'print(6)', F],
  ['fence in a list', `1. Do this:\n   ${F}python\n   print(8)\n   ${F}`, 'print(8)'],
  ['language with a version', `${F}python3.12\nprint(9)\n${F}`, 'print(9)', 'python3'],
  ['language with a title', `${F}python title="a.py"\nprint(9)\n${F}`, 'print(9)', 'title'],
  ['no language', `${F}\nprint(10)\n${F}`, 'print(10)'],
  ['fence that does not close', `${F}python\nprint(2)\n`, 'print(2)', F],
  ['ticks inside a string', python(`print("""${F}js\n1\n${F}""".count("${F}"))`), 'count('],
  ['definition and use', `${python('def f():\n    return 3')}\nThen:\n${python('print(f())')}`, 'def f()'],
  ['shell block before it', `${F}bash\npip install pandas\n${F}\n${python('print(12)')}`, 'print(12)', 'pip install'],
  ['output block behind it', `${python('print(13)')}\nOutput:\n${F}\n13\n${F}`, 'print(13)', '\n13'],
  ['element of code', '<code>\nprint(4)\n</code>', 'print(4)', '<code'],
  ['element of an answer', `<answer>${python('print(4)')}</answer>`, 'print(4)', 'answer'],
  ['tool call element', '<tool_call>{"name":"python","arguments":{"code":"print(14)"}}</tool_call>', 'print(14)', 'tool_call'],
  ['JSON with a code member', '{"language":"python","code":"print(15)\\nprint(16)"}', 'print(15)\nprint(16)'],
  ['fenced JSON with a code member', `${F}json\n{"code":"print(17)"}\n${F}`, 'print(17)'],
  ['python tag', '<|python_tag|>print(18)<|eom_id|>', 'print(18)', 'eom'],
  ['bare program', 'x = 19\nprint(x)', 'print(x)'],
  [
    'words around a bare program',
    'Here is the program:\n\nimport math\nprint(math.pi)\n\nIt prints pi.',
    'print(math.pi)',
    'It prints',
  ],
  ['carriage returns', `${F}python\r\nprint(5)\r\n${F}\r\n`, 'print(5)'],
  ['byte order mark', python('\ufeffprint(20)'), 'print(20)', '\ufeff'],
  ['no-break spaces as indent', python('if True:\n\u00a0\u00a0\u00a0\u00a0print(21)'), 'print(21)', '\u00a0'],
  ['escaped element characters', '<code>\nif 1 &lt; 2:\n    print(22)\n</code>', 'if 1 < 2', '&lt;'],
  ['notebook lines', python('!pip install numpy\n%matplotlib inline\nprint(23)'), 'print(23)'],
];

const JAVASCRIPT: readonly Row[] = [
  ['node as the language', `${F}node\nconsole.log(1)\n${F}`, 'console.log(1)'],
  ['ticks in a template', `${F}js\nconsole.log(\`a \${1} b\`.length)\n${F}`, '.length'],
  ['two blocks', `${F}js\nconst f = (x) => x * x;\n${F}\nand\n${F}js\nconsole.log(f(11));\n${F}`, 'const f'],
];

describe.each<[GeneratedLanguage, readonly Row[]]>([
  ['python', PYTHON],
  ['javascript', JAVASCRIPT],
])('%s', (language, rows) => {
  test.each(rows.map(([kind, reply, holds, not]) => ({ kind, reply, holds, not })))('$kind', ({ reply, holds, not }) => {
    const extraction = extractCode(reply, language);
    expect(extraction).toMatchObject({ found: true });
    if (!extraction.found) return;
    expect(extraction.code).toContain(holds);
    if (not !== undefined) expect(extraction.code).not.toContain(not);
  });
});

describe('no reply of a hostile endpoint keeps the agent: long ones are read aside, in bounded memory, with a deadline', () => {
  test.each(['\n', '<think>', '```python\n', 'name [x] =\n', '{"code":'])('%j', async (piece) => {
    let turns = 0;
    const clock = setInterval(() => {
      turns += 1;
    }, 20);
    const extraction = await extractAside(piece.repeat(Math.floor(1_048_576 / piece.length)), 'python', {});
    clearInterval(clock);
    expect(extraction.found).toBe(false);
    expect(turns).toBeGreaterThan(1); // the agent's own thread went on
  });
});
