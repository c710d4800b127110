/** What jobs carry, as it stands in the database: JSON sealed under the data key, bound to job and place. */

import { decodeBase64, encodeBase64 } from '@assay/encoding/base64';
import { decodeUtf8, joinBytes, utf8 } from '@assay/encoding/bytes';
import { type Json, parseJson } from '@assay/encoding/json';
import type { DataKey } from '../data-key.ts';

/** `payload`, `progress`, `result`, `step/` and the name of a step, or `input/`, the number of a piece and how many there are. */
export type JobText = 'payload' | 'progress' | 'result' | `step/${string}` | `input/${number}/${number}`;

export function sealJobText(key: DataKey, job: string, text: JobText, json: string): string {
  return encodeBase64(key.seal(jobTextPlace(job, text), utf8(json)));
}

/** @throws {LedgerError} `ledger/corrupt` for a text of another job or place. */
export function openJobText(key: DataKey, job: string, text: JobText, sealed: string): Json {
  return parseJson(decodeUtf8(key.open(jobTextPlace(job, text), decodeBase64(sealed))));
}

/** Length of a piece of an input, bytes. */
const INPUT_PIECE_BYTES = 1024 * 1024;

/** An input in sealed pieces; which one is the last is part of the seal. */
export function sealJobInput(key: DataKey, job: string, input: Uint8Array): readonly Uint8Array[] {
  const count = Math.max(1, Math.ceil(input.length / INPUT_PIECE_BYTES));
  return Array.from({ length: count }, (_, n) =>
    key.seal(jobTextPlace(job, inputPiece(n, count)), input.subarray(n * INPUT_PIECE_BYTES, (n + 1) * INPUT_PIECE_BYTES)),
  );
}

/** @throws {LedgerError} `ledger/corrupt` when a piece is missing, of another job or place. */
export function openJobInput(key: DataKey, job: string, pieces: readonly Uint8Array[]): Uint8Array {
  return joinBytes(pieces.map((piece, n) => key.open(jobTextPlace(job, inputPiece(n, pieces.length)), piece)));
}

function inputPiece(n: number, count: number): JobText {
  return `input/${n}/${count}`;
}

/** Places of the pieces of an input. */
export function inputPlaces(job: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, n) => jobTextPlace(job, inputPiece(n, count)));
}

/** The place of a text of a job, for its seal. */
export function jobTextPlace(job: string, text: JobText): string {
  return JSON.stringify(['job', job, text]);
}
