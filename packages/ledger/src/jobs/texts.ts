/** What jobs carry, as it stands in the database: JSON sealed under the data key, bound to job and place. */

import { decodeBase64, encodeBase64 } from '@assay/encoding/base64';
import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { type Json, parseJson } from '@assay/encoding/json';
import type { DataKey } from '../data-key.ts';

/** `payload`, `progress`, `result`, or `step/` and the name of a step. */
export type JobText = 'payload' | 'progress' | 'result' | `step/${string}`;

export function sealJobText(key: DataKey, job: string, text: JobText, json: string): string {
  return encodeBase64(key.seal(placeOf(job, text), utf8(json)));
}

/** @throws {LedgerError} `ledger/corrupt` for a text of another job or place. */
export function openJobText(key: DataKey, job: string, text: JobText, sealed: string): Json {
  return parseJson(decodeUtf8(key.open(placeOf(job, text), decodeBase64(sealed))));
}

function placeOf(job: string, text: JobText): string {
  return JSON.stringify(['job', job, text]);
}
