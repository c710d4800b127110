import { expect, it } from 'vitest';
import { packagesOf } from './locked-packages.ts';

const integrity = `sha512-${'A'.repeat(86)}==`;
const lock = JSON.stringify({
  lockfileVersion: 3,
  packages: {
    '': { name: 'mine' },
    'node_modules/@openzeppelin/contracts': { version: '5.0.2', integrity },
    'node_modules/solmate': { version: '6.8.0', integrity },
    'node_modules/linked': { link: true },
    'node_modules/old': { version: '1.0.0', integrity: 'sha1-abc' },
  },
});
const oz = { name: '@openzeppelin/contracts', version: '5.0.2', integrity };

it.each([
  ['imports by name', ['@openzeppelin/contracts/a.sol', '@openzeppelin/contracts/b.sol', 'src/A.sol'], lock, [oz]],
  ['imports below node_modules', ['node_modules/solmate/src/t.sol'], lock, [{ name: 'solmate', version: '6.8.0', integrity }]],
  ['packages without SHA-512, and links', ['old/a.sol', 'linked/a.sol', '__proto__/a.sol'], lock, []],
  ['no lock file', ['@openzeppelin/contracts/a.sol'], null, []],
  ['a lock file that is none', ['@openzeppelin/contracts/a.sol'], '{"packages":[]', []],
  ['a lock file of version 1', ['@openzeppelin/contracts/a.sol'], '{"dependencies":{}}', []],
])('%s', (_, names, text, expected) => expect(packagesOf(names, text)).toEqual(expected));
