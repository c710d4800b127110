/** The request that the form of contracts becomes. */

import { expect, test } from 'vitest';
import { contractRequest, EMPTY_CONTRACTS, hasSources, sourcesOf } from './contract-draft.ts';

const file = (name: string, text: string, path = ''): File =>
  Object.defineProperty(new File([text], name), 'webkitRelativePath', { value: path });

test('files go before pasted text; settings that were left empty are left out', () => {
  const pasted = { ...EMPTY_CONTRACTS, pasted: 'contract A {}' };
  expect(contractRequest('attested_build', pasted)).toEqual({
    ...{ type: 'attested_build', contract_code: 'contract A {}', optimizer: true, optimizer_runs: 200 },
  });
  const draft = { ...pasted, sources: { 'A.sol': 'contract A {}' }, solcVersion: ' 0.8.24 ', evmVersion: 'paris', viaIR: true };
  expect(contractRequest('attested_audit', { ...draft, runs: Number.NaN })).toEqual({
    ...{ type: 'attested_audit', sources: { 'A.sol': 'contract A {}' }, solc_version: '0.8.24', optimizer: true },
    ...{ evm_version: 'paris', via_ir: true, policy: 'default' },
  });
  expect(contractRequest('attested_audit', { ...pasted, claims: true })).toMatchObject({ claims: true });
  expect(contractRequest('attested_build', { ...pasted, claims: true })).not.toHaveProperty('claims');
  expect([hasSources(EMPTY_CONTRACTS), hasSources(pasted), hasSources(draft)]).toEqual([false, true, true]);
});

test('of a folder, Solidity files by their path in it', async () => {
  const files = [file('A.sol', 'a', 'project/src/A.sol'), file('README.md', 'x', 'project/README.md'), file('B.sol', 'b')];
  expect(await sourcesOf(files)).toEqual({ 'src/A.sol': 'a', 'B.sol': 'b' });
  await expect(sourcesOf([file('a.txt', 'x')])).rejects.toThrow('Expected Solidity files');
  await expect(sourcesOf([file('A.sol', 'x'.repeat(6 * 1024 * 1024))])).rejects.toThrow('5 MiB');
});
