import { expect, test } from 'vitest';
import { adviceOn } from './error-advice.ts';

const python = 'python';
const javascript = 'javascript';
const BEGIN = 'The program must begin with the line: ';

test.each<[string, Parameters<typeof adviceOn>[1], string]>([
  ["ModuleNotFoundError: No module named 'x'", python, 'That package does not exist here: write the program without it. '],
  ["NameError: name 'json' is not defined", python, `${BEGIN}import json\n`],
  ["NameError: name 'json' is not defined. Did you forget to import 'json'?", python, `${BEGIN}import json\n`],
  ["NameError: name 'total' is not defined", python, ''],
  ['ReferenceError: fs is not defined', javascript, `${BEGIN}const fs = require("fs");\n`],
  ['ReferenceError: json is not defined', javascript, ''],
  ['ValueError: x', python, ''],
])('%s', (error, language, advice) => {
  expect(adviceOn(error, language)).toBe(advice);
});

test.each<[string, Parameters<typeof adviceOn>[1], RegExp]>([
  [
    "FileNotFoundError: [Errno 2] No such file or directory: '/tmp/x'",
    python,
    /do what the task says then.*: if not os\.path\.exists\("\/tmp\/x"\):\n/,
  ],
  [
    "Error: ENOENT: no such file or directory, open '/tmp/x'",
    javascript,
    /do what the task says then.*: if \(!fs\.existsSync\("\/tmp\/x"\)\) \{\n/,
  ],
  ['FileNotFoundError: no', python, /os\.path\.exists\("the path"\)/],
  ["AttributeError: 'str' object has no attribute 'reversed'", python, /reversed is a function: write reversed\(value\)/],
  ["AttributeError: 'str' object has no attribute 'flip'", python, /^$/],
  ["TypeError: 'DictReader' object is not subscriptable", python, /list\(value\)/],
  ["TypeError: object of type 'map' has no len()", python, /list\(value\)/],
  ['ValueError: I/O operation on closed file.', python, /inside its with block/],
  ['the program printed only undefined, which is no result', javascript, /reduce\(\) no second argument/],
  ['the program printed only <map object at 0x7f>, which is no result', python, /join\(\) or list\(\)/],
])('%s', (error, language, advice) => {
  expect(adviceOn(error, language)).toMatch(advice);
});
