/** What authenticated collateral shows, as checks. Each comes from what the steps returned: a step that was left out reads `not-checked`. */

import type { Revocation } from '../../certificates/revocation.ts';
import { type Check, notChecked, pass } from '../../model/check.ts';
import type { SignedDocument } from './collateral-pieces.ts';
import { QVL_SPEC } from './specifications.ts';

/** Whether every certificate was found on no list in force; {@link Revocation} of each. */
export function revocationCheck(standings: readonly Revocation[]): Check {
  const id = 'dcap.pck-revocation';
  const spec = `${QVL_SPEC} 4.1.2.5.8`;
  return standings.length > 0 && standings.every((each) => each === 'good')
    ? pass(id, spec, 'neither PCK nor its CA revoked')
    : notChecked(id, spec, 'no list in force for some certificate');
}

/** Whether all `documents` are among those that were found to be `signed`. */
export function documentsCheck(
  documents: readonly SignedDocument<unknown>[],
  signed: readonly SignedDocument<unknown>[],
): Check {
  const id = 'dcap.collateral';
  const spec = `${QVL_SPEC} 4.1.2.7, 4.1.2.8`;
  return documents.every((document) => signed.includes(document))
    ? pass(id, spec, 'signed by Intel and in date')
    : notChecked(id, spec, 'a signature was not checked');
}
