/** How a record of a comparison is recognised; apart from what verifies it, which pages load when they need it. */

import { isJsonObject, type Json, type JsonObject } from '@assay/encoding/json';

export const COMPARISON_FORMAT = 'assay-comparison/1';

/**
 * True for a file of this format.
 * @example isComparisonRecord(parseJson(bytes))
 */
export function isComparisonRecord(json: Json): json is JsonObject {
  return isJsonObject(json) && json.format === COMPARISON_FORMAT;
}
