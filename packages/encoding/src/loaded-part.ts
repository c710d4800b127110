/**
 * Parts of a verifier that are loaded when what is verified needs them, so that pages carry only what they use. A part can be out of reach: a page
 * that was opened before its server was updated, or a browser without network. Not decided here: anything about what is verified.
 */

import { EncodingError } from './errors.ts';

/**
 * The part that `load` imports.
 * @param what e.g. `NVIDIA evidence`, for the error.
 * @throws {EncodingError} `part/unavailable`, with the loader's error as its cause.
 * @example const { parseJson } = await loadedPart('JSON', () => import('@assay/encoding/json'))
 */
export async function loadedPart<Part>(what: string, load: () => Promise<Part>): Promise<Part> {
  try {
    return await load();
  } catch (cause) {
    throw new EncodingError(
      'part/unavailable',
      `expected the verifier's part for ${what}, got none; load the page again, or install Assay again`,
      { cause },
    );
  }
}
