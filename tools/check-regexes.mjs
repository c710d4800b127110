// No regular expression takes more than linear time on any text. Every literal and every RegExp constructor in packages/*/src is given
// to `recheck`; a pattern that is put together at run time cannot be checked, and is refused unless it only renames a checked one.
// The check of all takes minutes, so safe ones are kept in safe-regexes.json: what is not there, or was checked by another version, is
// checked. Usage: node tools/check-regexes.mjs [--write: adds new ones, drops those that are gone] [--all: trusts no kept verdict]
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'vite';

// Its JavaScript build gives the same answers everywhere; the native ones are not installed on every machine.
process.env.RECHECK_BACKEND = 'pure';
const require = createRequire(import.meta.url);
/** Milliseconds for one pattern. What is not decided by then is refused: it is too hard to read as well. */
const TIMEOUT_MS = 120_000;

/**
 * Every regular expression in a source text.
 * @returns {{ pattern: string | null, flags: string, line: number }[]} `pattern` is null when it is made at run time.
 * @example regexesIn('a.ts', 'const A = /x+$/') // [{ pattern: 'x+$', flags: '', line: 1 }]
 */
export function regexesIn(name, source) {
  const { program, errors } = parseSync(name, source);
  if (errors.length > 0) throw new Error(`${name}: ${errors[0].message}`);
  const found = [];
  const visit = (node) => {
    if (typeof node !== 'object' || node === null) return;
    if (Array.isArray(node)) return node.forEach(visit);
    const line = () => source.slice(0, node.start).split('\n').length;
    if (node.type === 'Literal' && node.regex !== undefined) found.push({ ...node.regex, line: line() });
    if (isConstructor(node)) found.push({ ...constructed(node.arguments), line: line() });
    for (const [member, value] of Object.entries(node)) if (member !== 'typeAnnotation') visit(value);
  };
  visit(program);
  return found;
}

/** `RegExp(…)` and `new RegExp(…)`; also `text.match('…')`, which makes one of a string. */
function isConstructor({ type, callee }) {
  return (type === 'NewExpression' || type === 'CallExpression') && callee.type === 'Identifier' && callee.name === 'RegExp';
}

function constructed([pattern, flags]) {
  const text = (node) => (node?.type === 'Literal' && typeof node.value === 'string' ? node.value : null);
  return { pattern: text(pattern), flags: flags === undefined ? '' : (text(flags) ?? '') };
}

/**
 * What is wrong with a pattern; `null` for a linear one.
 * @example await defectOf('(a+)+b', '') // 'exponential, e.g. on …'
 */
export async function defectOf(pattern, flags) {
  if (pattern === null) return 'made at run time; write it out, or search without a regular expression';
  const { check } = require('recheck');
  // Assertions and backreferences are searched by fuzzing; the seed makes its answer the same each time.
  const { status, complexity, attack, error } = await check(pattern, flags, { timeout: TIMEOUT_MS, randomSeed: 1 });
  if (status === 'safe') return null;
  if (status === 'vulnerable') return `${complexity.summary}, e.g. on ${attack.pattern}`;
  return `undecided: ${error?.kind}`;
}

const KEPT = new URL('safe-regexes.json', import.meta.url);
/** One that is made at run time has no key, and no kept verdict. */
const keyOf = (pattern, flags) => (pattern === null ? null : `${flags}/${pattern}`);

/**
 * The patterns that this version of the checker found safe, as `flags/pattern`; none where another version wrote them.
 * @param kept text of safe-regexes.json.
 * @example keptVerdicts('{"checker":"recheck 4.5.0","safe":["/a+$"]}', 'recheck 4.4.5') // empty: another version
 */
export function keptVerdicts(kept, checker) {
  const { checker: by, safe } = JSON.parse(kept);
  return new Set(by === checker ? safe : []);
}

/** Every expression of the packages, with its place. */
function expressionsOf(root) {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', 'packages'], {
    cwd: root,
    encoding: 'utf8',
  });
  const files = listed
    .split('\n')
    .filter(
      (file) =>
        /^packages\/[^/]+\/src\/.*\.tsx?$/.test(file) && !/\.test\.tsx?$/.test(file) && !file.startsWith('packages/testing/'),
    );
  return files.flatMap((file) => {
    let source;
    try {
      source = readFileSync(`${root}${file}`, 'utf8');
    } catch {
      return []; // deleted, not yet committed
    }
    return regexesIn(file, source).map((found) => ({ ...found, file }));
  });
}

async function main(args) {
  const checker = `recheck ${require('recheck/package.json').version}`;
  const safe = args.includes('--all') ? new Set() : keptVerdicts(readFileSync(KEPT, 'utf8'), checker);
  const defects = new Map();
  let faults = 0;
  for (const { pattern, flags, line, file } of expressionsOf(fileURLToPath(new URL('..', import.meta.url)))) {
    const key = keyOf(pattern, flags);
    if (!defects.has(key)) defects.set(key, safe.has(key) ? null : await defectOf(pattern, flags));
    const defect = defects.get(key);
    if (defect === null) continue;
    console.error(`${file}:${line}: /${pattern ?? '…'}/${flags}: ${defect}`);
    faults += 1;
  }
  if (args.includes('--write')) {
    const found = [...defects].filter(([, defect]) => defect === null).map(([key]) => key);
    writeFileSync(KEPT, `${JSON.stringify({ checker, safe: found.toSorted() }, null, 2)}\n`);
  }
  console.log(`${defects.size} regular expressions, ${faults} faults`);
  process.exitCode = faults === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
