/** The beginnings of names that an audit took for dependencies, as its event holds them: the JSON text of a list. */

import { parseJson } from '@assay/encoding/json';
import type { EventOf } from '@assay/receipt';

/** The list; a text that is none stands as its one member, so that it is shown. @example dependenciesIn(event) // ['@', 'lib/'] */
export function dependenciesIn({ dependencies }: EventOf<'contract.audited'>): readonly string[] {
  try {
    const list = parseJson(dependencies);
    if (Array.isArray(list)) return list.map((each) => (typeof each === 'string' ? each : JSON.stringify(each)));
  } catch {
    // Shown as it is.
  }
  return [dependencies];
}
