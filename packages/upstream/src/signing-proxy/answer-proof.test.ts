/** The form of a proof for one answer: what is written reads back, and each defect is refused by its name. */

import type { JsonObject } from '@assay/encoding/json';
import { parseJson } from '@assay/encoding/json';
import { expect, test } from 'vitest';
import { type AnswerProof, encodeAnswerProof, isAnswerProof, parseAnswerProof } from './answer-proof.ts';

const PROOF: AnswerProof = {
  ...{ service: 'https://service.example', model: 'acme/m', time: 1_790_000_000_000, nonce: 'ab'.repeat(32) },
  ...{ report: Uint8Array.of(1, 2), endorsements: [], signature: Uint8Array.of(3) },
  request: { hash: 'cd'.repeat(32), bytes: Uint8Array.of(4) },
  response: { hash: 'ef'.repeat(32), bytes: null },
};
const json = parseJson(encodeAnswerProof(PROOF)) as JsonObject;

test('a proof reads back as it was written', () => {
  expect(isAnswerProof(json)).toBe(true);
  expect(parseAnswerProof(json)).toEqual(PROOF);
});

test.each<[string, JsonObject, string]>([
  ['of another format', { format: 'assay-proof/2' }, 'expected format assay-proof/1 with a signature'],
  ['without a service', { service: '' }, 'expected text in "service"'],
  ['with a number for a model', { model: 7 }, 'expected text in "model"'],
  ['with a time that is no instant', { time: 'yesterday' }, 'expected an RFC 3339 instant in "time"'],
  ['with a nonce in capitals', { nonce: 'AB'.repeat(32) }, '64 lower-case hex digits in "nonce"'],
  ['with a report that is no base64', { report: '*' }, 'expected base64'],
  ['without a side', { request: null }, 'expected {"hash":"sha256:…"} in "request"'],
  ['with a side without a hash', { response: { bytes: 'AA==' } }, 'expected {"hash":"sha256:…"} in "response"'],
  ['with a hash of no kind', { request: { hash: 'cd'.repeat(32) } }, 'expected {"hash":"sha256:…"} in "request"'],
])('a proof %s is malformed', (_, change, words) => {
  const parsing = () => parseAnswerProof({ ...json, ...change });
  expect(parsing).toThrow(expect.objectContaining({ code: 'proof/malformed' }));
  expect(parsing).toThrow(words);
});
