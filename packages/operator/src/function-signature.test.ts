/** Signatures that a rule may name, and the texts that their arguments can be. */

import { expect, it } from 'vitest';
import { functionOf, isNumber, textFormOf } from './function-signature.ts';

it.each<[string, string | null]>([
  ['function transfer(address to, uint256 amount)', '0xa9059cbb'],
  ['function transfer(address,uint256) external returns (bool)', '0xa9059cbb'],
  ['transfer(address,uint256)', null],
  ['event Transfer(address from, address to, uint256 value)', null],
  ['error Refused(uint256 id)', null],
  ['function transfer(address,uint257)', null],
  ['', null],
])('%s has the selector %s', (signature, selector) => {
  expect(functionOf(signature)?.selector ?? null).toBe(selector);
});

const ALICE = `0x${'ab'.repeat(20)}`;

it.each<[string, readonly string[], readonly string[]]>([
  ['address', [ALICE], [ALICE.toUpperCase(), '0xab', ALICE.slice(2)]],
  ['bytes', ['0x', '0x00ff'], ['', '0x0', '0xFF']],
  ['bytes4', ['0xdeadbeef'], ['deadbeef']],
  ['uint256', ['0', '10'], ['010', '0x10', '1.5', '', '-0']],
  ['int8', ['-7', '7'], ['+7', '--7']],
  ['bool', ['true', 'false'], ['1', 'TRUE']],
  ['string', ['', 'any text\nat all'], []],
])('%s has texts of one form', (type, texts, others) => {
  const form = textFormOf(type);
  expect(texts.map((text) => form?.test(text))).toEqual(texts.map(() => true));
  expect(others.map((text) => form?.test(text))).toEqual(others.map(() => false));
  expect(isNumber(type)).toBe(type.includes('int'));
});

it.each(['address[]', 'uint256[3]', 'tuple', 'tuple[]', 'function', 'fixed128x18'])('%s has no text', (type) => {
  expect([textFormOf(type), isNumber(type)]).toEqual([null, false]);
});
