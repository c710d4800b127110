/**
 * Every function that a published package exports has an `@example`. Each example in the sources compiles against them, calls what its readers can
 * import, and gives the results that it states.
 */

import { execFile } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual, promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { type Example, readSources } from './examples/collect.ts';
import { type Program, programOf } from './examples/preamble.ts';
import { resultsModule, type Stated } from './examples/results.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
/** Packages without I/O: their examples run anywhere. */
const PURE = ['encoding', 'attestation', 'receipt', 'channel', 'contracts', 'models', 'operator', 'reference-values'];

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, unknown>>;
}

const packages = globSync('packages/*/package.json', { cwd: ROOT })
  .map((path) => ({ folder: packageOf(path), manifest: JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as Manifest }))
  .filter(({ folder, manifest }) => manifest.private !== true && folder !== 'web');
const sources = readSources(packages.map(({ folder }) => folder));

function packageOf(path: string): string {
  return path.split('/')[1] ?? '';
}

/** Names of values, each with the specifiers that export it. Of `./*` only the encodings are for others. */
async function publishedNames(): Promise<ReadonlyMap<string, readonly string[]>> {
  const published = new Map<string, string[]>();
  const add = (name: string, specifier: string) => published.set(name, [...(published.get(name) ?? []), specifier]);
  for (const { manifest } of packages)
    for (const subpath of Object.keys(manifest.exports ?? {}).filter((each) => each !== './*')) {
      const specifier = join(manifest.name, subpath);
      for (const name of Object.keys((await import(specifier)) as object)) add(name, specifier);
    }
  for (const { file, values } of sources.filter((each) => packageOf(each.file) === 'encoding'))
    for (const name of values) add(name, `@assay/encoding/${file.replace(/^packages\/encoding\/src\/|\.ts$/g, '')}`);
  return published;
}

const catalogue = { sources, published: await publishedNames() };
const examples = sources.flatMap((source) => source.examples);
const placeOf = ({ file, line, of }: Example, inside = 0): string => `${file}:${line + inside} ${of ?? ''}`;

/** The program of an example, or why there is none. */
function readExample(example: Example): Program | string {
  try {
    const program = programOf(example, catalogue);
    return program.unknown.length === 0 ? program : `${program.unknown.join(', ')} cannot be imported`;
  } catch (error) {
    return (error as Error).message;
  }
}

test('every function that a package exports has an example', () => {
  const isPublic = (name: string, file: string) =>
    catalogue.published.get(name)?.some((specifier) => specifier.replace('@assay/', '').split('/')[0] === packageOf(file));
  const without = sources.flatMap(({ file, functions }) =>
    functions
      .filter(({ name, hasExample }) => !hasExample && isPublic(name, file))
      .map(({ name, line }) => `${file}:${line} ${name}`),
  );
  expect(without.join('\n')).toBe('');
});

describe('examples', () => {
  const folder = mkdtempSync(join(ROOT, 'tests/docs/examples-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const programs = examples.map(readExample);

  test('call what can be imported', () => {
    expect(examples.length).toBeGreaterThan(700);
    const faults = programs.flatMap((program, index) =>
      typeof program === 'string' ? [`${placeOf(examples[index] as Example)}: ${program}`] : [],
    );
    expect(faults.join('\n')).toBe('');
  });

  test('compile', { timeout: 240_000 }, async () => {
    for (const [index, program] of programs.entries())
      if (typeof program !== 'string') writeFileSync(join(folder, `example-${index}.ts`), program.text);
    const options = { noUnusedLocals: false, noUnusedParameters: false, rootDir: '../../..' };
    const config = { extends: '../../../tsconfig.tests.json', compilerOptions: options, include: ['example-*.ts'] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    const said = await promisify(execFile)(process.execPath, [compiler, '-p', folder, '--pretty', 'false']).then(
      ({ stdout }) => stdout,
      ({ stdout }: { stdout: string }) => stdout,
    );
    const faults = said.split('\n').map((line) => {
      const [, index = '', row, what] = /example-(\d+)\.ts\((\d+),\d+\): (.*)/.exec(line) ?? [];
      const program = programs[Number(index)];
      if (index === '' || typeof program !== 'object') return line;
      return `${placeOf(examples[Number(index)] as Example, Math.max(0, Number(row) - program.before - 1))}: ${what}`;
    });
    expect(faults.join('\n')).toBe('');
  });

  test('give what they state', { timeout: 120_000 }, async () => {
    const wrong: string[] = [];
    let stated = 0;
    for (const [index, example] of examples.entries()) {
      const program = programs[index];
      if (typeof program !== 'object' || !PURE.includes(packageOf(example.file))) continue;
      const text = resultsModule(example, program);
      if (text === null) continue;
      const path = join(folder, `result-${index}.ts`);
      writeFileSync(path, text);
      const results = (await import(path)) as { readonly stated: readonly Stated[] };
      stated += results.stated.length;
      for (const { line, found, wanted } of results.stated)
        if (!isDeepStrictEqual(found, wanted))
          wrong.push(`${placeOf(example, line)}: expected ${String(wanted)}, got ${String(found)}`);
    }
    expect(wrong.join('\n')).toBe('');
    expect(stated).toBeGreaterThan(90);
  });
});
