/** Verifier keys and signed notes (C2SP signed-note): the written form reads back, and each defect is refused by its name. */

import { encodeBase64 } from '@assay/encoding/base64';
import { expectCode } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import {
  ED25519_NOTE,
  formatSignature,
  formatVerifierKey,
  ML_DSA_44_COSIGNATURE,
  parseNote,
  parseVerifierKey,
} from './note.ts';

const KEY = new Uint8Array(32).fill(5);
const VKEY = formatVerifierKey('log.example', ED25519_NOTE, KEY);
const LINE = formatSignature({ name: 'log.example', keyId: Uint8Array.of(1, 2, 3, 4), signature: Uint8Array.of(9) });
const NOTE = `one\ntwo\n\n${LINE}`;

test('a key and a note read back as they were written', () => {
  expect(parseVerifierKey(VKEY)).toMatchObject({ name: 'log.example', type: ED25519_NOTE, publicKey: KEY, vkey: VKEY });
  expect(parseNote(NOTE)).toEqual({
    text: 'one\ntwo\n',
    signatures: [{ name: 'log.example', keyId: Uint8Array.of(1, 2, 3, 4), signature: Uint8Array.of(9) }],
  });
});

describe('a verifier key is refused', () => {
  test.each<[string, string, RegExp]>([
    ['without a key id', 'log.example', /name\+8 hex\+base64/],
    ['with a space in its name', VKEY.replace('log', 'l g'), /name\+8 hex\+base64/],
    ['in other base64', VKEY.replace(/.$/, '!'), /standard base64/],
    ['of an unknown type', formatVerifierKey('log.example', 9 as never, KEY), /type 1, 4 or 6/],
    ['that is too short for Ed25519', formatVerifierKey('log.example', ED25519_NOTE, KEY.subarray(1)), /32 bytes/],
    ['that is too short for ML-DSA-44', formatVerifierKey('log.example', ML_DSA_44_COSIGNATURE, KEY), /1312 bytes/],
    ['under another name', VKEY.replace('log', 'dog'), /not that of name and key/],
  ])('%s', async (_name, vkey, why) => {
    await expectCode(() => parseVerifierKey(vkey), 'note/vkey-malformed');
    expect(() => parseVerifierKey(vkey)).toThrow(why);
  });
});

describe('a note is refused', () => {
  test.each<[string, string, RegExp]>([
    ['that is too long', `${'x'.repeat(256 * 1024)}\n\n${LINE}`, /characters/],
    ['with a control character', `o\tne\n\n${LINE}`, /control characters/],
    ['without an empty line', `one\n${LINE}`, /an empty line/],
    ['that does not end in a newline', NOTE.slice(0, -1), /an empty line/],
    ['with too many signatures', `one\n\n${LINE.repeat(65)}`, /at most 64 signatures/],
    ['with a line of another form', NOTE.replace('— ', '- '), /"— name base64"/],
    ['with a plus in the name of a signature', NOTE.replace('log.', 'log+'), /"— name base64"/],
    ['in other base64', NOTE.replace(/.\n$/, '!\n'), /standard base64/],
    ['with a key id alone', `one\n\n— log.example ${encodeBase64(Uint8Array.of(1, 2, 3, 4))}\n`, /key id and a signature/],
  ])('%s', async (_name, note, why) => {
    await expectCode(() => parseNote(note), 'note/malformed');
    expect(() => parseNote(note)).toThrow(why);
  });
});
