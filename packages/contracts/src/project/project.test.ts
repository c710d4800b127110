/** Projects: imports and pragmas as they are found, names that are refused, sources that are collected, compilers that are chosen. */

import fc from 'fast-check';
import semver from 'semver';
import { describe, expect, it, vi } from 'vitest';
import { ContractsError } from '../errors.ts';
import { collectSources, SOURCE_LIMITS } from './collect-sources.ts';
import { chooseCompiler, PRAGMA_LIMITS } from './compiler-choice.ts';
import { findLayout } from './layout.ts';
import { parseRemappings, remap } from './remapping.ts';
import { resolveImport, sourcePath } from './source-path.ts';
import { scanSource } from './source-scan.ts';
import { parseStandardInput, standardInput } from './standard-input.ts';

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (ContractsError.is(error)) return error.code;
    throw error;
  }
  return 'none';
}

describe('imports and pragmas', () => {
  it.each([
    ['plain', 'import "./A.sol";', ['./A.sol'], []],
    [
      'all forms',
      `import './A.sol'; import "B.sol" as b; import {x, y as z} from "C.sol"; import * as D from 'D.sol';`,
      ['./A.sol', 'B.sol', 'C.sol', 'D.sol'],
      [],
    ],
    ['in a comment', '// import "A.sol";\n/* import "B.sol"; */ import "C.sol";', ['C.sol'], []],
    ['in a string', 'contract A { string s = "import \\"A.sol\\";"; }', [], []],
    ['a comment inside of one', 'import /* "A.sol" */ "B.sol" // "C.sol"\n;', ['B.sol'], []],
    ['inside of a contract', 'contract A { function f() public { import_("x"); } }', [], []],
    ['after a contract', 'contract A {} import "B.sol";', ['B.sol'], []],
    ['twice', 'import "A.sol"; import "A.sol";', ['A.sol'], []],
    ['a pragma', 'pragma solidity ^0.8.0;', [], ['^0.8.0']],
    ['a range', 'pragma solidity >=0.4.22 /* old */ <0.9.0;', [], ['>=0.4.22 <0.9.0']],
    ['another pragma', 'pragma abicoder v2; pragma experimental ABIEncoderV2;', [], []],
    ['a comment that never ends', '/* import "A.sol";', [], []],
    ['a string that never ends', 'import "A.sol', [], []],
    ['a string of megabytes', `contract A { string s = "${'x'.repeat(4_000_000)}"; } import "B.sol";`, ['B.sol'], []],
    ['a comment of megabytes', `/*${'*'.repeat(4_000_000)}/ import "B.sol";`, ['B.sol'], []],
    ['braces without end', `${'{'.repeat(1_000_000)}import "B.sol";`, [], []],
  ])('%s', (_, text, imports, pragmas) => {
    expect(scanSource(text)).toEqual({ imports, pragmas });
  });

  it('reads any text', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 400, unit: fc.constantFrom(...'import pragma solidity"\'/*\n;{}\\x') }),
        (text) => void scanSource(text),
      ),
    );
  });
});

describe('names of sources', () => {
  it.each([
    ['/etc/passwd'],
    ['../A.sol'],
    ['a/../A.sol'],
    ['a//A.sol'],
    ['./A.sol'],
    ['C:/A.sol'],
    ['a\\b.sol'],
    ['a\u202eb.sol'],
    ['a\nb.sol'],
    ['a/__proto__/b.sol'],
    [''],
    [`${'a'.repeat(513)}`],
  ])('refuses %j', (path) => {
    expect(codeOf(() => sourcePath(path))).toBe('project/bad-path');
  });

  it.each([
    ['Token.sol'],
    ['@openzeppelin/contracts/token/ERC20/ERC20.sol'],
    ['https://github.com/o/r/A.sol'],
    ['src/Ünder.sol'],
  ])('takes %j', (path) => {
    expect(sourcePath(path)).toBe(path);
  });

  it('takes relative imports from the folder of the file, and refuses to leave the project', () => {
    expect(resolveImport('a/b/C.sol', '../D.sol')).toBe('a/D.sol');
    expect(resolveImport('a/b/C.sol', './x/../D.sol')).toBe('a/b/D.sol');
    expect(resolveImport('a/b/C.sol', '@lib/D.sol')).toBe('@lib/D.sol');
    expect(codeOf(() => resolveImport('a/C.sol', '../../D.sol'))).toBe('project/bad-path');
  });
});

describe('remappings', () => {
  const [plain, longer, inContext, later] = parseRemappings(['@a/=lib/a/', '@a/b/=lib/ab/', 'src/x:@a/=other/', '@a/=lib/a2/']);

  it.each([
    ['the prefix', 'src/A.sol', '@a/X.sol', [plain], 'lib/a/X.sol'],
    ['the longer prefix', 'src/A.sol', '@a/b/X.sol', [plain, longer], 'lib/ab/X.sol'],
    ['the context before the prefix', 'src/x/A.sol', '@a/b/X.sol', [plain, longer, inContext], 'other/b/X.sol'],
    ['the later of equals', 'src/A.sol', '@a/X.sol', [plain, later], 'lib/a2/X.sol'],
    ['none', 'src/A.sol', '@z/X.sol', [plain], '@z/X.sol'],
  ] as const)('%s', (_, importer, path, list, expected) => {
    expect(
      remap(
        importer,
        path,
        list.filter((each) => each !== undefined),
      ),
    ).toBe(expected);
  });

  it('applies once, so that two of them cannot loop', () => {
    expect(remap('A.sol', 'a/X.sol', parseRemappings(['a/=b/', 'b/=a/']))).toBe('b/X.sol');
  });

  it.each([[['nonsense']], [['=x']], [Array.from({ length: 513 }, (_, i) => `a${i}=b`)]])('refuses %j', (lines) => {
    expect(codeOf(() => parseRemappings(lines))).toMatch(/^project\/(malformed|too-large)$/);
  });
});

describe('collecting', () => {
  const files: Record<string, string> = {
    'src/A.sol': 'import "./B.sol"; import "@oz/C.sol";',
    'src/B.sol': 'import "./A.sol";',
    'lib/oz/C.sol': 'import "./D.sol";',
    'lib/oz/D.sol': '',
    'src/Unused.sol': '',
  };
  const read = (name: string): string | null => files[name] ?? null;
  const remappings = parseRemappings(['@oz/=lib/oz/']);

  it('takes the entries and what they import, in circles too, and nothing else', () => {
    expect(Object.keys(collectSources({ entries: ['src/A.sol'], remappings, read }))).toEqual([
      'lib/oz/C.sol',
      'lib/oz/D.sol',
      'src/A.sol',
      'src/B.sol',
    ]);
  });

  it('says which file imports what is missing', () => {
    expect(() => collectSources({ entries: ['src/A.sol'], read })).toThrow(
      /src\/A\.sol imports "@oz\/C\.sol", which is not there; add the file/,
    );
    expect(codeOf(() => collectSources({ entries: ['src/A.sol'], read }))).toBe('project/import-missing');
    expect(codeOf(() => collectSources({ entries: ['none.sol'], read }))).toBe('project/import-missing');
    expect(codeOf(() => collectSources({ entries: [], read }))).toBe('project/empty');
  });

  it('is bounded', () => {
    const big = (size: number) => () => 'x'.repeat(size);
    expect(codeOf(() => collectSources({ entries: ['A.sol'], read: big(SOURCE_LIMITS.fileBytes + 1) }))).toBe(
      'project/too-large',
    );
    const many = Array.from({ length: 5 }, (_, i) => `${i}.sol`);
    expect(codeOf(() => collectSources({ entries: many, read: big(SOURCE_LIMITS.fileBytes) }))).toBe('project/too-large');
    let next = 0;
    const endless = (): string => `import "${next++}.sol";`;
    expect(codeOf(() => collectSources({ entries: ['A.sol'], read: endless }))).toBe('project/too-large');
  });
});

describe('names that are one file elsewhere', () => {
  it.each([
    ['case', 'src/Token.sol', 'src/token.sol'],
    ['case of a folder', 'src/Token.sol', 'SRC/Token.sol'],
    ['Unicode form', 'src/\u00dcber.sol', 'src/U\u0308ber.sol'],
    ['the long s', '\u017frc/Token.sol', 'src/Token.sol'],
    ['the sharp s', 'Stra\u00dfe.sol', 'STRASSE.sol'],
    ['the capital sharp s', 'Stra\u1e9ee.sol', 'strasse.sol'],
    ['the sigma at the end of a word', '\u03a3\u03c2.sol', '\u03a3\u03a3.sol'],
    ['a ligature', '\ufb01.sol', 'fi.sol'],
    ['the sign of a unit', '\u212a.sol', 'k.sol'],
  ])("differ in %s only, and are refused, except in a compiler's own input", (_, one, other) => {
    const files: Record<string, string> = { [one]: '', [other]: '' };
    const read = (name: string): string | null => files[name] ?? null;
    expect(codeOf(() => collectSources({ entries: [one, other], read }))).toBe('project/bad-path');
    expect(() => standardInput(files)).toThrow(/differ in more than case or Unicode form, got .* and .*; rename one/);
    const sources = { [one]: { content: '' }, [other]: { content: '' } };
    expect(Object.keys(parseStandardInput({ language: 'Solidity', sources }).sources)).toEqual([one, other]);
  });
});

describe('layouts', () => {
  const layout = (files: Record<string, string>, remappings: readonly string[] = []) =>
    findLayout({ files: Object.keys(files), read: (path) => files[path] ?? null, remappings });

  it('begins with the sources of a Foundry project, and maps its libraries', () => {
    const found = layout(
      {
        'foundry.toml': '[profile.default]\nsrc = "contracts"\nremappings = [\n  "@oz/=lib/oz/contracts/",\n]\n',
        'remappings.txt': 'ds/=lib/ds-test/src/\n',
        'contracts/A.sol': '',
        'contracts/A.t.sol': '',
        'test/B.sol': '',
        'script/C.s.sol': '',
        'lib/solmate/src/tokens/ERC20.sol': '',
        'lib/oz/contracts/X.sol': '',
      },
      ['@oz/=elsewhere/'],
    );
    expect(found.kind).toBe('foundry');
    expect(found.entries).toEqual(['contracts/A.sol']);
    expect(found.remappings).toEqual([
      'oz/=lib/oz/contracts/',
      'solmate/=lib/solmate/src/',
      '@oz/=lib/oz/contracts/',
      'ds/=lib/ds-test/src/',
      '@oz/=elsewhere/',
    ]);
    expect(remap('contracts/A.sol', '@oz/X.sol', found.parsedRemappings)).toBe('elsewhere/X.sol');
  });

  it('begins with contracts/ of a Hardhat project, and finds packages', () => {
    const found = layout({
      'contracts/A.sol': '',
      'contracts/test/B.sol': '',
      'node_modules/@oz/C.sol': '',
      'scripts/x.sol': '',
    });
    expect([found.kind, found.entries]).toEqual(['hardhat', ['contracts/A.sol']]);
    expect(found.candidates('@oz/C.sol')).toContain('node_modules/@oz/C.sol');
  });

  it('begins with every source of a plain folder', () => {
    expect(layout({ 'A.sol': '', 'b/B.sol': '', 'README.md': '' }).entries).toEqual(['A.sol', 'b/B.sol']);
  });
});

describe('choosing a compiler', () => {
  const there = ['0.4.26', '0.7.6', '0.8.20', '0.8.24', '0.8.37'];
  const sources = (...pragmas: readonly string[]) =>
    Object.fromEntries(pragmas.map((range, i) => [`${i}.sol`, `pragma solidity ${range};`]));

  it.each([
    ['the default where it is allowed', sources('^0.8.0'), null, '0.8.24'],
    ['the default without pragmas', { 'A.sol': '' }, null, '0.8.24'],
    ['the newest that is allowed', sources('>=0.8.25'), null, '0.8.37'],
    ['what all allow', sources('>=0.6.0 <0.9.0', '^0.7.0'), null, '0.7.6'],
    ['an exact version', sources('0.8.20'), null, '0.8.20'],
    ['alternatives', sources('^0.4.0 || ^0.7.0'), null, '0.7.6'],
    // As solc itself reads them.
    ['an equals sign', sources('= 0.8.20'), null, '0.8.20'],
    ['a tilde', sources('~0.8.36'), null, '0.8.37'],
    ['a tilde of a minor', sources('~0.7'), null, '0.7.6'],
    ['a wildcard', sources('0.7.x'), null, '0.7.6'],
    ['a minor alone', sources('0.7'), null, '0.7.6'],
    ['two bounds without a space', sources('>=0.4.22<0.5.0'), null, '0.4.26'],
    ['a range with a hyphen', sources('0.7.0 - 0.8.20'), null, '0.8.20'],
    ['a quoted version', sources('"0.8.20"'), null, '0.8.20'],
    ['a space after the caret', sources('^ 0.7.0'), null, '0.7.6'],
    ['several in one pragma', sources('^0.8.0 <0.8.21'), null, '0.8.20'],
    ['what was asked for, whatever the pragmas', sources('^0.7.0'), '0.8.20', '0.8.20'],
    ['a pragma that is none, for the compiler to refuse', sources('banana'), null, '0.8.24'],
  ])('%s', (_, project, wanted, expected) => {
    expect(chooseCompiler(project, wanted, there)).toBe(expected);
  });

  it.each([
    [
      'a range that none meets',
      sources('0.8.21'),
      null,
      /0\.sol asks for solidity "0\.8\.21", which none of .* meets; add one with: assay solc add 0\.8\.21/,
    ],
    [
      'ranges that exclude each other',
      sources('^0.7.0', '^0.8.0'),
      null,
      /together allow none of .*; name 0\.4\.12 or newer, one version for all sources$/,
    ],
    ['a range below the oldest', sources('0.4.11'), null, /"0\.4\.11", which none of .*; name 0\.4\.12 or newer/],
    ['a range that begins below it', sources('>=0.4.0 <0.4.20'), null, /add one with: assay solc add 0\.4\.12$/],
    ['ranges that one version not there meets', sources('>=0.8.1', '<0.8.3'), null, /add one with: assay solc add 0\.8\.1$/],
    ['a version below the oldest', sources('^0.4.0'), '0.4.11', /got "0\.4\.11"; name 0\.4\.12 or newer/],
    [
      'a version that is not there',
      sources('^0.8.0'),
      '0.8.1',
      /expected one of the compilers 0\.8\.37, .* got "0\.8\.1"; add one with: assay solc add 0\.8\.1/,
    ],
  ] as const)('refuses %s', (_, project, wanted, message) => {
    expect(() => chooseCompiler(project, wanted, there)).toThrow(message);
    expect(codeOf(() => chooseCompiler(project, wanted, there))).toBe('project/pragma-unmet');
  });

  it('reads a range once, however many pragmas and compilers there are', () => {
    const read = vi.spyOn(semver, 'validRange');
    const chosen = chooseCompiler({ 'A.sol': 'pragma solidity ^0.8.0;'.repeat(1000), ...sources('^0.8.0') }, null, there);
    const { length } = read.mock.calls;
    read.mockRestore();
    expect([chosen, length]).toEqual(['0.8.24', 1]);
  });

  it.each([
    [
      'more ranges',
      sources(...Array.from({ length: PRAGMA_LIMITS.ranges + 1 }, (_, patch) => `>=0.0.${patch}`)),
      '256 different',
    ],
    ['a longer range', sources(`>=${' '.repeat(3)}0.8.0${' || 0.8.1'.repeat(60)}`), '512 characters in a pragma of 0.sol'],
  ])('refuses %s than are read, and asks nothing of them where the version was named', (_, project, words) => {
    expect(() => chooseCompiler(project, null, there)).toThrow(`expected at most ${words}`);
    expect(codeOf(() => chooseCompiler(project, null, there))).toBe('project/too-large');
    expect(chooseCompiler(project, '0.8.20', there)).toBe('0.8.20');
  });
});
