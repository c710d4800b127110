/** Companions that nothing was read from, by name: a file that is named and not used would leave its sender in a false belief. */

import { companionNotes, type EndorsementFile } from '@assay/attestation';

/** Lines about companions that nothing reads. */
const MAX_NOTES = 8;

/** One line for each file that nothing reads; of many, the first. */
export function companionWarnings(companions: readonly EndorsementFile[]): readonly string[] {
  const notes = companionNotes(companions);
  const more = notes.length - MAX_NOTES;
  return more <= 0
    ? notes
    : [...notes.slice(0, MAX_NOTES), `and ${more} more ${more === 1 ? 'companion' : 'companions'} that nothing was read from`];
}
