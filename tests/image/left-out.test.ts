/** What the image leaves out of installed packages, and that a file left out by mistake stops the build. */

import { expect, test } from 'vitest';
import { file, link } from '../../image/entries.ts';
import { leftOut } from '../../image/left-out.ts';
import { refuseBroken } from '../../image/loads.ts';

test.each([
  ['types', 'assay/node_modules/hono/dist/index.d.ts', true],
  ['a source map', 'assay/packages/agent/dist/main.js.map', true],
  ['a hidden file of a package', 'assay/node_modules/qs/.nycrc', true],
  ['tests of a package', 'assay/node_modules/bintrees/test', true],
  ['a folder of our own with such a name', 'assay/packages/agent/dist/tasks/test', false],
  ['code of viem for test chains', 'assay/node_modules/viem/_esm/actions/test', false],
  ['code of yaml in `doc`', 'assay/node_modules/yaml/dist/doc', false],
  ['Deno of another machine', 'assay/node_modules/@deno/darwin-arm64', true],
  ["this machine's Deno", 'assay/node_modules/@deno/linux-x64-glibc', false],
  ['a package that only compiles', 'assay/node_modules/typescript', true],
  ['the web server of a package that is used without it', 'assay/node_modules/express', true],
  ['a CommonJS twin', 'assay/node_modules/zod/v4/index.cjs', true],
  ['the CommonJS form that Node takes', 'assay/node_modules/@peculiar/asn1-schema/build/cjs', false],
  ['the module form next to it', 'assay/node_modules/@peculiar/asn1-schema/build/es2015', true],
  ['the CommonJS twin of the word lists', 'assay/node_modules/@scure/bip39/wordlists', true],
  ['the word lists', 'assay/node_modules/@scure/bip39/esm/wordlists', false],
  ['signatures that nothing here makes', 'assay/node_modules/@noble/post-quantum/falcon.js', true],
  ['the key exchange next to them', 'assay/node_modules/@noble/post-quantum/ml-kem.js', false],
  ["another machine's engine", 'assay/packages/agent/models/engine-linux-arm64.json', true],
  ["this machine's engine", 'assay/packages/agent/models/engine-linux-x64.json', false],
  ['a twin in a nested package', 'assay/node_modules/viem/node_modules/@noble/hashes/sha256.js', true],
  ['the module of that package', 'assay/node_modules/viem/node_modules/@noble/hashes/esm/sha256.js', false],
  ['a module of a newer version', 'assay/packages/agent/node_modules/@noble/curves/p256.js', false],
  ['the bundle for sandboxed code', 'assay/node_modules/ethers/dist/ethers.min.js', false],
  ['the rest of that package', 'assay/node_modules/ethers/lib.esm', true],
])('%s', (_name, path, expected) => expect(leftOut(path)).toBe(expected));

const OWN = file('assay/packages/one/dist/index.js', "export { answer } from 'two';\n");
const MANIFESTS = ['assay/packages/one/package.json', 'assay/packages/two/package.json'].map((path) =>
  file(path, '{"type":"module","exports":"./dist/index.js"}'),
);
const LINK = link('assay/node_modules/two', '../packages/two');

test('an image whose modules all load passes; programs are not run', () => {
  const whole = file('assay/packages/two/dist/index.js', 'export const answer = 42;\n');
  const program = file('assay/packages/one/dist/main.js', "throw new Error('ran');\n");
  expect(() => refuseBroken([OWN, ...MANIFESTS, LINK, whole, program])).not.toThrow();
});

test('a module whose import was left out is named, with the reason', () => {
  const other = file('assay/packages/two/dist/other.js', '');
  expect(() => refuseBroken([OWN, ...MANIFESTS, LINK, other])).toThrow(
    /got 0, then assay\/packages\/one\/dist\/index\.js: Cannot find module .*two\/dist\/index\.js.*; mend image\/left-out\.ts/,
  );
});

test('a module that ends the program is named, not taken for the end of the list', () => {
  const ending = file('assay/packages/two/dist/index.js', 'export const answer = 42;\nprocess.exit(0);\n');
  expect(() => refuseBroken([OWN, ...MANIFESTS, LINK, ending])).toThrow(
    'got 0, then assay/packages/one/dist/index.js: it ended the program',
  );
});

test('a package that is imported only later, and was left out, is named', () => {
  const later = file(
    'assay/packages/two/dist/index.js',
    "export const answer = async () => (await import('three/part.js')).six;\n",
  );
  expect(() => refuseBroken([OWN, ...MANIFESTS, LINK, later])).toThrow(
    /got 2, then assay\/packages\/two\/dist\/index\.js\.later\.mjs: Cannot find package 'three'/,
  );
  const three = [
    file('assay/node_modules/three/package.json', '{"type":"module"}'),
    file('assay/node_modules/three/part.js', 'export const six = 6;\n'),
  ];
  expect(() => refuseBroken([OWN, ...MANIFESTS, LINK, later, ...three])).not.toThrow();
});

test('an image without modules is refused', () => {
  const moved = file('assay/packages/one/build/index.js', 'export const answer = 42;\n');
  expect(() => refuseBroken([moved, ...MANIFESTS])).toThrow('expected modules in packages/*/dist of the image, got none');
});
