/** Every `@example` in the sources of the published packages compiles against them, and calls what its readers can import. */

import { execFile } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { readSources } from './examples/collect.ts';
import { programOf } from './examples/preamble.ts';

const ROOT = new URL('../../', import.meta.url).pathname;

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, { readonly '@assay/source'?: string } | string>>;
}

const packages = globSync('packages/*/package.json', { cwd: ROOT })
  .map((path) => ({
    folder: path.split('/')[1] ?? '',
    manifest: JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as Manifest,
  }))
  .filter(({ folder, manifest }) => manifest.private !== true && folder !== 'web');

const sources = readSources(packages.map(({ folder }) => folder));

/** What an entry of a package stands for: `./*` is each of its files. */
async function publishedNames(): Promise<ReadonlyMap<string, readonly string[]>> {
  const published = new Map<string, string[]>();
  const add = (name: string, specifier: string) => published.set(name, [...(published.get(name) ?? []), specifier]);
  for (const { folder, manifest } of packages)
    for (const subpath of Object.keys(manifest.exports ?? {})) {
      if (subpath !== './*') {
        const specifier = join(manifest.name, subpath);
        for (const name of Object.keys((await import(specifier)) as object)) add(name, specifier);
      } else if (folder === 'encoding')
        for (const { file, values } of sources.filter((each) => each.file.startsWith(`packages/${folder}/`)))
          for (const name of values) add(name, join(manifest.name, file.replace(/^packages\/[^/]+\/src\/|\.ts$/g, '')));
    }
  return published;
}

const catalogue = { sources, published: await publishedNames() };

const folder = mkdtempSync(join(ROOT, 'tests/docs/examples-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('every example compiles', { timeout: 240_000 }, async () => {
  const examples = sources.flatMap((source) => source.examples);
  expect(examples.length).toBeGreaterThan(400);
  const faults: string[] = [];
  const programs = examples.map((example, index) => {
    try {
      const program = programOf(example, catalogue);
      writeFileSync(join(folder, `example-${index}.ts`), program.text);
      for (const name of program.unknown)
        faults.push(`${example.file}:${example.line} ${example.of}: ${name} is no name that can be imported`);
      return program;
    } catch (error) {
      faults.push(`${example.file}:${example.line} ${example.of}: ${(error as Error).message}`);
      return null;
    }
  });
  const options = { noUnusedLocals: false, noUnusedParameters: false, rootDir: '../../..' };
  const config = { extends: '../../../tsconfig.tests.json', compilerOptions: options, include: ['*.ts'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const compiled = promisify(execFile)(process.execPath, [
    join(ROOT, 'node_modules/typescript/bin/tsc'),
    '-p',
    folder,
    '--pretty',
    'false',
  ]);
  const said = await compiled.then(
    ({ stdout }) => stdout,
    ({ stdout }: { stdout: string }) => stdout,
  );
  for (const line of said.split('\n')) {
    const [, index, row, what] = /example-(\d+)\.ts\((\d+),\d+\): (.*)/.exec(line) ?? [];
    const example = examples[Number(index)];
    if (example === undefined) {
      if (line !== '') faults.push(line);
      continue;
    }
    const inside = Math.max(0, Number(row) - (programs[Number(index)]?.before ?? 0) - 1);
    faults.push(`${example.file}:${example.line + inside} ${example.of}: ${what}`);
  }
  expect(faults.join('\n')).toBe('');
});
