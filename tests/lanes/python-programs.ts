/** Python programs and what every lane has to answer. */

import { file, type LaneProgram } from './program.ts';

/** Enough of matplotlib's interface to tell which figures are saved when: the packages are not installed everywhere. */
const MATPLOTLIB = [
  file('matplotlib/__init__.py', ''),
  file(
    'matplotlib/figure.py',
    `
class Figure:
    def __init__(self): self.drawn = []
    def get_children(self): return ['background', *self.drawn]
    def savefig(self, path): open(path, 'w').write('PNG ' + ' '.join(map(str, self.drawn)))
`,
  ),
  file(
    'matplotlib/pyplot.py',
    `
from matplotlib.figure import Figure
_figures = {}
def figure(number=None):
    number = number or len(_figures) + 1
    return _figures.setdefault(number, Figure())
def gcf(): return figure(max(_figures, default=1))
def get_fignums(): return sorted(_figures)
def close(which): _figures.clear()
def plot(*values): gcf().drawn.extend(values); return ['line']
def savefig(path): gcf().savefig(path)
def show(*args, **options): pass
`,
  ),
];

export const PYTHON_PROGRAMS: readonly LaneProgram[] = [
  { name: 'prints', code: "print('a', 1)", stdout: 'a 1\n', value: null, exitCode: 0 },
  {
    name: 'open files are flushed',
    code: `
import csv, io
f = open('/tmp/report.csv', 'w', newline='')
csv.writer(f).writerow(['ann', 3])
circle = [open('/tmp/circle.txt', 'w')]
circle.append(circle)
circle[0].write('zz')
`,
    artifacts: { 'report.csv': 'ann,3\r\n', 'circle.txt': 'zz' },
  },
  {
    name: 'open files are flushed after an exception',
    code: "f = open('/tmp/a.txt', 'w')\nf.write('hello')\n1 / 0",
    error: 'ZeroDivisionError',
    exitCode: 1,
    artifacts: { 'a.txt': 'hello' },
  },
  { name: 'more than 64 files', code: "for i in range(70): open(f'/tmp/{i}.txt', 'w').write('x')", skipped: 6 },
  {
    name: 'is __main__',
    code: "import sys, __main__\nx = 5\nif __name__ == '__main__': print(__file__, sys.argv, __main__.x, __spec__, __package__)",
    argv: ['one', '2'],
    stdout: "/tmp/main.py ['/tmp/main.py', 'one', '2'] 5 None None\n",
  },
  { name: 'has a docstring', code: '"""What it does."""\nprint(__doc__)', stdout: 'What it does.\n' },
  {
    name: 'imports uploaded modules and packages',
    code: 'import helper, program, pack.inner\nfrom pack import two\nprint(helper.f(), program.name, pack.inner.three, two)',
    files: [
      file(
        'helper.py',
        'import json, os\ndef f(): return json.load(open(os.path.join(os.path.dirname(__file__), "d.json")))["a"]',
      ),
      file('d.json', '{"a": 7}'),
      file('program.py', 'name = __name__'),
      file('pack/__init__.py', 'two = 2'),
      file('pack/inner.py', 'three = 3'),
    ],
    stdout: '7 program 3 2\n',
    artifacts: {},
  },
  { name: 'last expression', code: 'x = {"a": [1]}\nx', value: "{'a': [1]}", stdout: '' },
  { name: 'last expression with a semicolon', code: '1 + 1;', value: null },
  { name: 'last expression None', code: 'print(1)', value: null, stdout: '1\n' },
  { name: 'top-level await', code: 'import asyncio\nawait asyncio.sleep(0)\n40 + 2', value: '42' },
  { name: 'asyncio.run', code: 'import asyncio\nasync def f(): return 7\nprint(asyncio.run(f()))', stdout: '7\n' },
  {
    name: 'notebook lines',
    code: "%matplotlib inline\n!pip install requests\nfor i in range(2):\n    %time\nprint('after')",
    stdout: 'after\n',
    stderr: /line 1 left out.*%matplotlib inline\nline 2 left out.*pip install requests\n/,
  },
  { name: 'modulo is no notebook line', code: 'x = (7\n%3)\nprint(x)', stdout: '1\n', stderr: /^$/ },
  {
    name: 'syntax error',
    code: 'print(1)\nif:',
    error: 'SyntaxError',
    stdout: '',
    exitCode: 1,
    stderr: /File "\/tmp\/main.py", line 2/,
  },
  { name: 'syntax error beside a notebook line', code: '%time\nif:', error: 'SyntaxError', stderr: /line 1/ },
  {
    name: 'exception',
    code: "def f():\n    raise ValueError('no')\nf()",
    error: 'ValueError',
    message: /^no$/,
    exitCode: 1,
    stderr: /^Traceback \(most recent call last\):\n {2}File "\/tmp\/main.py", line 3, in <module>\n {4}f\(\)[\s\S]*in f\n/,
  },
  {
    name: 'exception in top-level await',
    code: 'import asyncio\nawait asyncio.sleep(0)\n1 / 0',
    error: 'ZeroDivisionError',
    stderr: /^Traceback.*\n {2}File "\/tmp\/main.py", line 3/,
  },
  {
    name: 'excepthook',
    code: 'import sys\nsys.excepthook = lambda t, e, b: print("hook", t.__name__)\n1 / 0',
    error: 'ZeroDivisionError',
    stdout: 'hook ZeroDivisionError\n',
    stderr: /^$/,
  },
  {
    name: 'missing package',
    code: 'import not_there.inner',
    error: 'ModuleNotFoundError',
    message: /PACKAGE_UNAVAILABLE: no module named 'not_there'/,
  },
  { name: 'sys.exit(3)', code: "import sys\nprint('x')\nsys.exit(3)", error: 'ExitCode', exitCode: 3, stdout: 'x\n' },
  { name: 'sys.exit()', code: 'import sys\nsys.exit()', exitCode: 0 },
  { name: 'sys.exit with words', code: "import sys\nsys.exit('stop')", error: 'ExitCode', exitCode: 1, stderr: /^stop\n$/ },
  { name: 'exit()', code: 'exit(4)', error: 'ExitCode', exitCode: 4 },
  {
    name: 'atexit handlers',
    code: "import atexit, sys\natexit.register(print, 'bye')\natexit.register(lambda: open('/tmp/end.txt', 'w').write('e'))\nprint('run')\nsys.exit(2)",
    stdout: 'run\nbye\n',
    error: 'ExitCode',
    exitCode: 2,
    artifacts: { 'end.txt': 'e' },
  },
  {
    name: 'an atexit handler that fails',
    code: 'import atexit\natexit.register(lambda: 1 / 0)',
    exitCode: 0,
    stderr: /ZeroDivisionError/,
  },
  { name: '__del__', code: "class A:\n    def __del__(self): print('gone')\na = A()\nprint('run')", stdout: 'run\ngone\n' },
  {
    name: 'os._exit',
    code: "import os\nprint('line')\nprint('part', end='')\nos._exit(5)",
    error: 'ExitCode',
    exitCode: 5,
    stdout: 'line\n',
  },
  { name: 'no standard input', code: 'input()', error: 'EOFError', exitCode: 1 },
  {
    name: 'no standard input, read',
    code: "import sys\nprint(repr(sys.stdin.read()), sys.stdin.readline() == '')",
    stdout: "'' True\n",
  },
  { name: 'standard input', code: 'print(input() + input())', stdin: 'a\nü', stdout: 'aü\n' },
  {
    name: 'encodings',
    code: "import sys\nprint('ü€😀', sys.stdout.encoding, open('/tmp/x', 'w').encoding.lower())",
    stdout: 'ü€😀 utf-8 utf-8\n',
  },
  { name: 'half a surrogate pair', code: "print('\\ud800')", error: 'UnicodeEncodeError' },
  { name: 'byte order mark', code: '\ufeffprint(1)', stdout: '1\n' },
  { name: 'an encoding line', code: '# -*- coding: latin-1 -*-\nprint("ü")', stdout: 'ü\n' },
  { name: 'Windows line ends', code: 'x = """a\r\nb"""\r\nprint(repr(x))\r\n', stdout: "'a\\nb'\n" },
  {
    name: 'pickles its own classes',
    code: 'import pickle\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))).__module__)',
    stdout: '__main__\n',
  },
  {
    name: 'reads its own source',
    code: 'import inspect\ndef f(): return 1\nprint(inspect.getsource(f), end="")',
    stdout: 'def f(): return 1\n',
  },
  {
    name: 'dataclasses and annotations',
    code: 'from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    x: int = 1\nprint(A())',
    stdout: 'A(x=1)\n',
  },
  {
    name: 'works in /tmp',
    code: "import os\nprint(os.getcwd().startswith('/tmp'), os.path.exists('/tmp'), os.listdir('.'))",
    stdout: 'True True []\n',
  },
  {
    name: 'help and quit are there',
    code: 'print(callable(help), callable(quit), callable(exit))',
    stdout: 'True True True\n',
  },
  {
    name: 'zones',
    code: "from zoneinfo import ZoneInfo\nfrom datetime import datetime\nprint(datetime(2026, 7, 1, tzinfo=ZoneInfo('America/New_York')).isoformat())",
    stdout: '2026-07-01T00:00:00-04:00\n',
  },
  {
    name: 'shown figures',
    code: 'import matplotlib.pyplot as plt\nplt.plot(1)\nplt.show()\nplt.plot(2)\nplt.show()',
    files: MATPLOTLIB,
    artifacts: { 'figure-1.png': 'PNG 1', 'figure-2.png': 'PNG 2' },
  },
  {
    name: 'open figures',
    code: 'import matplotlib.pyplot as plt\nplt.plot(1)\nplt.figure(2)\n',
    files: MATPLOTLIB,
    artifacts: { 'figure-1.png': 'PNG 1' },
  },
  {
    name: 'figures that were saved',
    code: "from matplotlib import pyplot as plt\nplt.plot(1)\nplt.savefig('/tmp/a.png')\nplt.show()",
    files: MATPLOTLIB,
    artifacts: { 'a.png': 'PNG 1' },
  },
  {
    name: 'a figure as last expression',
    code: 'from matplotlib.figure import Figure\nimport matplotlib.pyplot\nf = Figure()\nf.drawn.append(3)\nf',
    files: MATPLOTLIB,
    artifacts: { 'figure-1.png': 'PNG 3' },
  },
  {
    name: 'an image as last expression',
    code: "class A:\n    def _repr_png_(self): return b'\\x89PNG\\r\\n\\x1a\\n'\n    def __repr__(self): return 'A'\nA()",
    value: 'A',
    artifacts: { 'output-1.png': /PNG/ },
  },
];
