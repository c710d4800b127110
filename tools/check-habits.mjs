// Habits of the code that no linter knows, counted a package. tools/habits.json holds the counts of what is left from before a habit was
// taken up: they may only fall. `node tools/check-habits.mjs --write` writes them down.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseSync } from 'vite';

const COUNTS = 'tools/habits.json';
const MOST_PARAMETERS = 3;

/** Each habit: what is wrong, said of one place. A place counts once for each match. */
const HABITS = {
  'conditional-spread': 'expected a member `name?: T | undefined`, got a spread that leaves it out',
  'four-parameters': `expected at most ${MOST_PARAMETERS} parameters and then an options object, got more`,
  'no-throws': 'expected @throws in the docstring of an exported function that throws',
  'no-test': 'expected a test next to the file, or one that imports it',
  'old-word': 'expected plain words (no one, the party that, again, by default), got an old one',
};

const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', 'packages', 'tests'], {
  encoding: 'utf8',
})
  .trim()
  .split('\n');
const isTest = (file) => /\.test\.tsx?$/.test(file);
const sources = tracked.filter(
  (file) => /^packages\/(?!testing\/)[^/]+\/src\/.*\.ts$/.test(file) && !isTest(file) && !file.endsWith('.d.ts'),
);
const tests = tracked.filter((file) => isTest(file) || /^(?:tests|packages\/testing)\/.*\.ts$/.test(file));

const faults = [];
const add = (habit, file, line, what) => faults.push({ habit, file, line, what });
const lineAt = (text, offset) => text.slice(0, offset).split('\n').length;

/** Names that tests import, as the ends of their paths without the extension. */
const imported = new Set(
  tests.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/(?:from|import\()\s*'([^']+)'/g)].map(([, path]) =>
      path
        .replace(/\.tsx?$/, '')
        .split('/')
        .at(-1),
    ),
  ),
);

function walk(node, visit) {
  if (Array.isArray(node)) for (const each of node) walk(each, visit);
  else if (typeof node?.type === 'string') {
    visit(node);
    for (const [name, value] of Object.entries(node)) if (name !== 'parent' && typeof value === 'object') walk(value, visit);
  }
}

const isEmpty = (node) => node.type === 'ObjectExpression' && node.properties.length === 0;
const unwrapped = (node) => (node.type === 'ParenthesizedExpression' ? unwrapped(node.expression) : node);

/** `...(x === undefined ? {} : { x })`. One over a question that is not of `undefined` is a choice between members, and stays. */
function isConditionalSpread({ type, argument }) {
  if (type !== 'SpreadElement') return false;
  const choice = unwrapped(argument);
  if (choice.type !== 'ConditionalExpression' || ![choice.consequent, choice.alternate].map(unwrapped).some(isEmpty))
    return false;
  const { test } = choice;
  const sides = test.type === 'BinaryExpression' ? [test.left, test.right] : [];
  return sides.some(({ type: kind, name }) => kind === 'Identifier' && name === 'undefined');
}

/** The comment that ends right before `offset`. */
function docstringBefore(text, comments, offset) {
  const found = comments.findLast(({ end }) => end <= offset && text.slice(end, offset).trim() === '');
  return found?.value.startsWith('*') ? found.value : '';
}

const throwsIn = (node) => {
  let found = false;
  const look = (each) => {
    if (Array.isArray(each)) each.forEach(look);
    else if (typeof each?.type === 'string' && !/Function/.test(each.type)) {
      if (each.type === 'ThrowStatement') found = true;
      for (const [name, value] of Object.entries(each)) if (name !== 'parent' && typeof value === 'object') look(value);
    }
  };
  look(node.body);
  return found;
};

const parsed = new Map(
  sources.map((file) => {
    const text = readFileSync(file, 'utf8');
    return [file, { text, ...parseSync(file, text) }];
  }),
);
for (const [file, { text, program, comments }] of parsed) {
  walk(program, (node) => {
    if (isConditionalSpread(node)) add('conditional-spread', file, lineAt(text, node.start), '');
    const parameters = /^(?:FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)
      ? node.params
      : [];
    if (parameters.length > MOST_PARAMETERS) add('four-parameters', file, lineAt(text, node.start), node.id?.name ?? '');
  });
  for (const node of program.body) {
    if (node.type !== 'ExportNamedDeclaration' || node.declaration?.type !== 'FunctionDeclaration') continue;
    const name = node.declaration.id.name;
    const docstring = docstringBefore(text, comments, node.start);
    if (throwsIn(node.declaration) && !docstring.includes('@throws')) add('no-throws', file, lineAt(text, node.start), name);
  }
  const stem = file.replace(/\.ts$/, '');
  const hasCode = program.body.some(
    ({ type, exportKind }) => type !== 'ImportDeclaration' && exportKind !== 'type' && type !== 'ExportAllDeclaration',
  );
  if (hasCode && !tracked.includes(`${stem}.test.ts`) && !imported.has(stem.split('/').at(-1))) add('no-test', file, 1, '');
}

const OLD_WORDS = /\b(?:nobody|whoever|anew|unless told)\b/i;
const PROSE = [
  'packages/*.ts',
  'packages/*.tsx',
  'tests/*.ts',
  'bench/*.ts',
  'docs/*.md',
  'spec/*.md',
  'decisions/*.md',
  '[A-Z]*.md',
];
const prose = execFileSync('git', ['ls-files', ...PROSE], {
  encoding: 'utf8',
});
for (const file of prose.trim().split('\n'))
  if (!file.startsWith('CHANGELOG') && existsSync(file))
    for (const [index, line] of readFileSync(file, 'utf8').split('\n').entries())
      if (OLD_WORDS.test(line)) add('old-word', file, index + 1, '');

const roomOf = (file) => file.split('/')[1] ?? file;
const counts = Object.fromEntries(Object.keys(HABITS).map((habit) => [habit, {}]));
for (const { habit, file } of faults) {
  const name = roomOf(file);
  counts[habit][name] = (counts[habit][name] ?? 0) + 1;
}
if (process.argv.includes('--write')) {
  writeFileSync(COUNTS, `${JSON.stringify(counts, null, 2)}\n`);
  process.exit(0);
}
const allowed = JSON.parse(readFileSync(COUNTS, 'utf8'));
let failed = false;
for (const [habit, says] of Object.entries(HABITS))
  for (const [name, count] of Object.entries(counts[habit])) {
    const most = allowed[habit]?.[name] ?? 0;
    if (count <= most && !process.argv.includes('--list')) continue;
    failed ||= count > most;
    console.error(`${habit} in ${name}: ${count} places, at most ${most} are left from before; ${says}`);
    for (const each of faults)
      if (each.habit === habit && roomOf(each.file) === name) console.error(`  ${each.file}:${each.line} ${each.what}`);
  }
process.exit(failed ? 1 : 0);
