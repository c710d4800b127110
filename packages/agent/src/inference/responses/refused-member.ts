/** The one form in which a member of a request is refused. */

import type { Json, JsonObject } from '@assay/encoding/json';
import { InferenceError } from '../inference-error.ts';

/** @example throw refused('background', 'send the request in the foreground'); */
export function refused(member: string, advice: string): InferenceError {
  return new InferenceError(400, 'invalid_request_error', `${member}: not supported by this agent; ${advice}`, member);
}

export function isObject(value: unknown): value is JsonObject & Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
