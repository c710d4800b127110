/** Which files say that they are the proof of an answer (spec/proof.md). Nothing is verified here. */

import type { Json, JsonObject } from '@assay/encoding/json';

/** True for JSON that says it is a proof. */
export function isProof(json: Json): json is JsonObject {
  return typeof json === 'object' && json !== null && 'format' in json && json.format === 'assay-proof/1';
}
