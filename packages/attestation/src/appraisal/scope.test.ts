/** Subjects are named in the words of their vendors. */

import { expect, test } from 'vitest';
import { EVIDENCE_TYPES } from '../model/claims.ts';
import { subjectName, typeName } from './scope.ts';

test.each([
  ['sev-snp', 'AMD SEV-SNP report'],
  ['tdx', 'Intel TDX quote'],
  ['bundle', 'bundle'],
  ['constructor', 'constructor'],
  [null, 'this file'],
])('%s is called %s', (type, name) => expect(subjectName(type)).toBe(name));

test.each(EVIDENCE_TYPES)('evidence of type %s has a name for people', (type) => {
  expect(subjectName(type)).toBe(typeName(type));
  expect(subjectName(type)).not.toBe(type);
});
