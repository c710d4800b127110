/**
 * Code blocks of the README and of docs/ are held to the product: TypeScript compiles against the packages, commands and their options
 * exist, JSON is what its readers take, Python has no syntax error. Those that run from end to end do so in tests/e2e.
 */

import { execFile, spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parsePolicy } from '@assay/attestation';
import { FAKE_NOW, transcript } from '@assay/testing';
import { parseSecurityConfig } from 'assay';
import { afterAll, describe, expect, it, test } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const PAGES = [
  'README.md',
  ...globSync('docs/*.md', { cwd: ROOT }),
  ...globSync('{packages/*,python}/README.md', { cwd: ROOT }),
];

interface Block {
  readonly page: string;
  readonly language: string;
  readonly text: string;
}

const BLOCKS: readonly Block[] = PAGES.sort().flatMap((page) =>
  [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^( *)```(\w*)\n([\s\S]*?)^ *```$/gm)].map(
    ([, , language = '', text = '']) => ({ page, language, text }),
  ),
);
const blocksIn = (...languages: readonly string[]) =>
  BLOCKS.filter(({ language }) => languages.includes(language)).map(
    (block, index) => [`${block.page} ${index}`, block] as const,
  );

describe('TypeScript', () => {
  /** What a block takes as given, by the names that it uses. */
  const GIVEN: Readonly<Record<string, string>> = {
    url: 'declare const url: string;',
    agent: "declare const agent: import('assay').Agent;",
    trust: 'declare const trust: { simulatedRoot: string };',
    policy: "declare const policy: 'strict';",
    source: 'declare const source: string;',
    apiKey: 'declare const apiKey: string;',
    nonce: 'declare const nonce: string;',
    rootPem: 'declare const rootPem: string;',
    answer: "declare const answer: import('assay').ApiTranscript;",
    bytes: 'declare const bytes: Uint8Array;',
    quote: 'declare const quote: Uint8Array;',
    collateral: "declare const collateral: import('@assay/attestation').Endorsements;",
    body: 'declare const body: Uint8Array<ArrayBuffer>;',
    service: "declare const service: import('@assay/upstream').AttestedService;",
    AttestedSessions: "import { AttestedSessions } from '@assay/upstream';",
    serviceKind: "import { serviceKind } from '@assay/upstream';",
    readFile: "import { readFile } from 'node:fs/promises';",
  };
  const folder = mkdtempSync(join(ROOT, 'tests/docs/blocks-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('every block compiles', async () => {
    const blocks = blocksIn('ts');
    expect(blocks.length).toBeGreaterThan(5);
    for (const [index, [, { text }]] of blocks.entries()) {
      const isDeclared = (name: string) =>
        new RegExp(`(?:const|let) (?:\\{[^}]*\\b)?${name}\\b|import [^;]*\\b${name}\\b`).test(text);
      const given = Object.entries(GIVEN).filter(([name]) => new RegExp(`\\b${name}\\b`).test(text) && !isDeclared(name));
      writeFileSync(join(folder, `block-${index}.ts`), `${given.map(([, line]) => line).join('\n')}\n${text}\nexport {};\n`);
    }
    const options = { noUnusedLocals: false, noUnusedParameters: false, rootDir: '../../..', include: undefined };
    const config = { extends: '../../../tsconfig.tests.json', compilerOptions: options, include: ['*.ts'] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const compiled = promisify(execFile)(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder]);
    const said = await compiled.then(
      ({ stdout }) => stdout,
      ({ stdout }: { stdout: string }) => stdout,
    );
    const pages = blocks.map(([page], index) => [`block-${index}.ts`, page] as const);
    expect(said, pages.map((each) => each.join(' = ')).join('\n')).toBe('');
  });
});

describe('commands', () => {
  const lines = blocksIn('', 'sh', 'bash').flatMap(([, { page, text }]) =>
    [...text.matchAll(/^(?:\$ )?(?:npx )?assay ([a-z][^\n#|>]*)/gm)].map(([, words = '']) => [page, words.trim()] as const),
  );

  const shown = new Map<string, Promise<string>>();
  const helpOf = (...command: readonly string[]): Promise<string> => {
    const name = command.join(' ');
    const known = shown.get(name);
    if (known !== undefined) return known;
    const io = transcript({ cwd: '/', now: FAKE_NOW });
    const help = run([...command, '--help'], io).then((code) => (code === 0 ? io.out() : ''));
    shown.set(name, help);
    return help;
  };

  it('stand in many blocks', () => expect(lines.length).toBeGreaterThan(40));

  it.each(lines)('%s: assay %s', async (_, words) => {
    const [name = '', inner = ''] = words.split(/\s+/);
    const help = await helpOf(name);
    expect(help, `${name} is a command`).toContain(`Usage: assay ${name}`);
    const parts = /^Commands:\n((?: {2}.*\n)+)/m.exec(help)?.[1] ?? '';
    const known = new RegExp(`^ {2}${inner} `, 'm').test(parts) && inner !== '' ? `${help}${await helpOf(name, inner)}` : help;
    for (const [option] of words.matchAll(/(?<= )--[a-z][a-z-]*/g))
      expect(known, option).toMatch(new RegExp(`^  .*${option}[ ,\\n]`, 'm'));
  });
});

describe('JSON', () => {
  it.each(blocksIn('json'))('%s', (_, { text }) => {
    const value = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (value.version === 1) expect(parsePolicy(text)).toBeTypeOf('object');
    else if ('tee_providers' in value) expect(parseSecurityConfig(text)).toBeTypeOf('object');
    // The rest are an operator's, or of other programs: tests/operator/examples.test.ts reads the former as an agent does.
    else if ('v' in value) expect(value.v).toMatch(/^assay-operator(?:-policy)?\/1$/);
  });
});

describe.runIf(spawnSync('python3', ['--version']).status === 0)('Python', () => {
  it.each(blocksIn('python'))('%s has no syntax error', (_, { text }) => {
    const { status, stderr } = spawnSync('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], {
      input: text,
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(0);
  });
});
