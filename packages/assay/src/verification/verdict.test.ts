/** Errors that become verdicts, and those that are no fault of the subject and are thrown again. */

import { AttestationError, type Check, notChecked, pass } from '@assay/attestation';
import { withChecksBefore } from '@assay/attestation/model/checks-before';
import { expect, test } from 'vitest';
import { ClientError } from '../errors.ts';
import { failedVerdict } from './verdict.ts';

const WORDS = 'expected x, got y; do z';

test.each<[string, Error]>([
  ['a fault of the program', new TypeError(WORDS)],
  ['a misuse', new ClientError('client/unknown-preset', WORDS)],
  ['a refusal', new AttestationError('policy/refused', WORDS)],
])('%s is thrown again', (_, error) => {
  expect(() => failedVerdict('bundle', error, 0)).toThrow(error);
});

test.each<[string, Error, string]>([
  ['malformed', new ClientError('result/malformed', WORDS), 'malformed'],
  ['untrusted', new AttestationError('snp/signature-invalid', WORDS), 'not-authentic'],
  ['unavailable', new AttestationError('endorsements/expired', WORDS), 'unavailable'],
])('what is %s is a verdict', (_, error, outcome) => {
  expect(failedVerdict('bundle', error, 0)).toMatchObject({ outcome, error, type: 'bundle' });
});

test('the checks that were made stand in front of the failed one, in their order', () => {
  const [first, second]: readonly [Check, Check] = [pass('a.one', 'x'), notChecked('b.two', 'x', 'why')];
  const error = withChecksBefore(new AttestationError('endorsements/expired', WORDS), [second]);
  const { checks } = failedVerdict('report', error, 0, [first]);
  expect(checks).toEqual([first, second, expect.objectContaining({ id: 'endorsements.expired', outcome: 'fail' })]);
});
