/** Whether JSON carries words: what field encryption must seal, or refuse. Names of members do not count. */

import type { Json, JsonObject } from '@assay/encoding/json';

export function hasText(value: Json | undefined): boolean {
  if (typeof value === 'string') return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(hasText);
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
