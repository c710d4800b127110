/** What a refusal for measurements shows: the values that differ, and no others; and how a policy's values are told in a sentence. */

import { describe, expect, test } from 'vitest';
import type { NamedClaims } from '../model/claims.ts';
import type { MeasurementRule } from '../model/policy.ts';
import { explainPolicy } from './explain.ts';
import { askMeasurements } from './measurements.ts';

const ZERO = '0'.repeat(96);
const PCRS = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`pcr${index}`, index < 3 ? `${index}a` : ZERO]));
const wanted = (changes: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries({ ...PCRS, ...changes }).map(([name, value]) => [name, [value]]));

function asked(rules: readonly MeasurementRule[], type = 'nitro', measurements: Readonly<Record<string, string>> = PCRS) {
  const claims = { type, measurements } as unknown as NamedClaims;
  const [check] = askMeasurements([{ prefix: '', claims } as never], { policy: { measurements: rules } } as never);
  return [check?.expected, check?.actual];
}

describe('a refusal shows', () => {
  test.each<readonly [string, readonly MeasurementRule[], string, string]>([
    ['the one value of sixteen that differs', [{ values: wanted({ pcr0: 'ff' }) }], 'pcr0 ff', 'pcr0 0a'],
    [
      'the two that differ',
      [{ type: 'nitro', values: wanted({ pcr1: 'ee', pcr0: 'ff' }) }],
      'nitro pcr0 ff, pcr1 ee',
      'pcr0 0a, pcr1 1a',
    ],
    [
      'of several rules, what differs from each',
      [
        { name: 'v1', values: wanted({ pcr0: 'ff' }) },
        { name: 'v2', values: wanted({ pcr2: 'ee' }) },
      ],
      'v1: pcr0 ff; or v2: pcr2 ee',
      'pcr0 0a, pcr2 2a',
    ],
    ['a value that is not there', [{ values: { ...wanted({}), pcr16: ['aa'] } }], 'pcr16 aa', 'pcr16 absent'],
  ])('%s', (_, rules, expected, actual) => expect(asked(rules)).toEqual([expected, actual]));

  test('all that is there, of a rule about a signer', () => {
    const rules: readonly MeasurementRule[] = [{ type: 'sgx', signer: { value: 'ff' } }];
    const expected = ['sgx signed by ff', 'mrenclave aa, mrsigner bb'];
    expect(asked(rules, 'sgx', { mrenclave: 'aa', mrsigner: 'bb' })).toEqual(expected);
  });
});

test('an explanation names registers of one value together', () => {
  const [sentence] = explainPolicy({ name: 'p', measurements: [{ type: 'nitro', values: wanted({}) }] } as never).filter(
    (line) => line.startsWith('Accepts software'),
  );
  expect(sentence).toContain('pcr0 = 0a and pcr1 = 1a and pcr2 = 2a and pcr3, pcr4, pcr5');
  expect(sentence?.split(ZERO)).toHaveLength(2);
});
