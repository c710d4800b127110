/** How a file of transcripts is told from others (spec/transcripts.md §4). Apart from its verification, which is loaded for such a file only. */

import { isJsonObject, type Json, type JsonObject } from '@assay/encoding/json';

export const TRANSCRIPTS_FORMAT = 'assay-transcripts/1';

/**
 * True for a file of this format.
 * @example isTranscripts(parseJson(bytes))
 */
export function isTranscripts(json: Json): json is JsonObject {
  return isJsonObject(json) && json.format === TRANSCRIPTS_FORMAT;
}
