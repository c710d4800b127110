/** Output of nitro-cli, as it prints it. */

import { expectRefusal } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { parseNitroCli } from './nitro-cli.ts';

const hex = (byte: string): string => byte.repeat(48);
const measurements = { HashAlgorithm: 'Sha384 { ... }', PCR0: hex('0A'), PCR1: hex('1b'), PCR2: hex('2c') };

test('build-enclave, with the line before it', () => {
  expect(
    parseNitroCli(
      `Start building the Enclave Image...\nEnclave Image successfully created.\n${JSON.stringify({ Measurements: measurements })}`,
    ),
  ).toEqual([{ name: null, values: { pcr0: hex('0a'), pcr1: hex('1b'), pcr2: hex('2c') }, debug: false }]);
});

test('describe-enclaves, several, one of them in debug mode and signed', () => {
  const enclaves = [
    { EnclaveName: 'app', Flags: 'NONE', Measurements: { ...measurements, PCR8: hex('8d') } },
    { EnclaveName: 'other', Flags: 'DEBUG_MODE', Measurements: { ...measurements, HashAlgorithm: 'Sha512_48 { .. }' } },
  ];
  expect(parseNitroCli(JSON.stringify(enclaves))).toMatchObject([
    { name: 'app', debug: false, values: { pcr8: hex('8d') } },
    { name: 'other', debug: true },
  ]);
});

describe('refused', () => {
  const output = (changed: Readonly<Record<string, unknown>>): string =>
    JSON.stringify({ Measurements: { ...measurements, ...changed } });
  test.each<[string, string, readonly string[]]>([
    ['nothing', '', ['JSON']],
    ['text', 'Enclave Image successfully created.', ['JSON']],
    ['half of it', '{"Measurements":', ['nitro-cli']],
    ['no enclaves', '[]', ['at least one']],
    ['too many', JSON.stringify(Array(65).fill({ Measurements: measurements })), ['at most 64']],
    ['no measurements', '{"EnclaveName":"app"}', ['Measurements']],
    ['another hash', output({ HashAlgorithm: 'Sha256' }), ['Sha384']],
    ['a short register', output({ PCR1: 'ab' }), ['PCR1']],
    ['no register', output({ PCR32: hex('00') }), ['PCR0 to PCR31']],
    ['PCR0 left out', JSON.stringify({ Measurements: { ...measurements, PCR0: undefined } }), ['PCR0, PCR1 and PCR2']],
  ])('%s', async (_, text, words) => {
    await expectRefusal(() => parseNitroCli(text), 'nitro-cli/malformed', words);
  });
});
