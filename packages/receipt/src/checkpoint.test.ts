// Notes, vkeys and checkpoints: the examples of C2SP signed-note, and one defect a line.
import { utf8 } from '@assay/encoding/bytes';
import { expectCode, fakeLog } from '@assay/testing';
import { ed25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkpointText, parseCheckpoint, verifyCheckpoint } from './checkpoint.ts';
import { ed25519CosignatureMessage, mlDsaCosignatureMessage, timestamped } from './cosignature.ts';
import { verifyEd25519 } from './ed25519.ts';
import { ED25519_COSIGNATURE, formatSignature, formatVerifierKey, noteKeyId, parseNote, parseVerifierKey } from './note.ts';

const SPEC_KEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
const SPEC_NOTE =
  'This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n';
const log = fakeLog({ receipts: 1, witness: 'witness.example/w1' });
const NOTE = log.bundle.checkpoint;
const KEYS = log.vkeys.map(parseVerifierKey);

test("the specification's example verifies", async () => {
  const key = parseVerifierKey(SPEC_KEY);
  const note = parseNote(SPEC_NOTE);
  expect(note.text).toBe('This is an example message.\n');
  expect(await verifyEd25519(key.publicKey, utf8(note.text), note.signatures[0]!.signature)).toBe(true);
  expect(formatVerifierKey(key.name, key.type, key.publicKey)).toBe(SPEC_KEY);
});

describe('a vkey is refused when', () => {
  test.each([
    ['its key id is not the hash', SPEC_KEY.replace('530d903a', '530d903b')],
    ['its name was changed', SPEC_KEY.replace('foo', 'fop')],
    ['its name has a space', SPEC_KEY.replace('/', ' ')],
    ['its type is unknown', 'a+00000000+CekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'],
    ['its key is short', 'a+00000000+AekyeRrm'],
    ['its base64 is not padded as it must be', `${SPEC_KEY}=`],
    ['its key id is upper case', SPEC_KEY.replace('530d903a', '530D903A')],
    ['it is empty', ''],
  ])('%s', async (_, vkey) => {
    await expectCode(() => parseVerifierKey(vkey), 'note/vkey-malformed');
  });
});

describe('a note is refused when', () => {
  test.each([
    ['it has no signature', 'text\n'],
    ['it does not end in a newline', SPEC_NOTE.slice(0, -1)],
    ['it has a control character', SPEC_NOTE.replace('example', 'ex\u0007mple')],
    ['it has a carriage return', SPEC_NOTE.replace('\n\n', '\r\n\n')],
    ['a signature line begins with a hyphen', SPEC_NOTE.replace('— ', '- ')],
    ['a signature is not base64', SPEC_NOTE.replace('Uw2Q', 'Uw2*')],
    ['base64 has stray bits', SPEC_NOTE.replace('aQM=', 'aQN=')],
    ['a signature is four bytes', 'text\n\n— a AAAAAA==\n'],
    ['it has 65 signatures', `text\n\n${'— a AAAAAAA=\n'.repeat(65)}`],
  ])('%s', async (_, note) => {
    await expectCode(() => parseNote(note), 'note/malformed');
  });
});

describe('a checkpoint is refused when', () => {
  const signed = (text: string) => `${text}\n${NOTE.slice(NOTE.indexOf('\n\n') + 2)}`;
  const root = 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=';
  test.each([
    ['it has an extension line', `a\n1\n${root}\nmore\n`],
    ['the size has a leading zero', `a\n01\n${root}\n`],
    ['the size is negative', `a\n-1\n${root}\n`],
    ['the size is beyond 2^53', `a\n9007199254740993\n${root}\n`],
    ['the root is short', 'a\n1\nAAAA\n'],
    ['the root is not base64', `a\n1\n${root.slice(1)}\n`],
    ['there is no origin', `\n1\n${root}\n`],
  ])('%s', async (_, text) => {
    await expectCode(() => parseCheckpoint(signed(text)), 'checkpoint/malformed');
  });
  test('no known key signed it', async () => {
    await expectCode(verifyCheckpoint(parseCheckpoint(NOTE), [parseVerifierKey(SPEC_KEY)]), 'note/unsigned');
  });
  test('a known key signed other text', async () => {
    await expectCode(verifyCheckpoint(parseCheckpoint(NOTE.replace(/\n2\n/, '\n3\n')), KEYS), 'note/signature-invalid');
  });
  test('a known key stands twice', async () => {
    const lines = NOTE.split('\n');
    await expectCode(
      verifyCheckpoint(parseCheckpoint([...lines.slice(0, 5), lines[4], ...lines.slice(5)].join('\n')), KEYS),
      'note/signature-invalid',
    );
  });
});

test('log and witness signatures of both kinds verify, with the times they sign', async () => {
  const keys = [...log.vkeys, ...log.witnessKeys].map(parseVerifierKey);
  const found = await verifyCheckpoint(parseCheckpoint(NOTE), keys);
  expect(found.map(({ key, time }) => [key.name, key.type, time])).toEqual([
    ['log.example/test', 1, null],
    ['log.example/test', 6, 1_795_219_200],
    ['witness.example/w1', 1, null],
    ['witness.example/w1', 6, 1_795_219_200],
  ]);
  expect((await verifyCheckpoint(parseCheckpoint(NOTE), KEYS)).length).toBe(2);
});

test('an Ed25519 cosignature signs its time', async () => {
  const secret = new Uint8Array(32).fill(9);
  const publicKey = ed25519.getPublicKey(secret);
  const name = 'witness.example/w2';
  const { text, size, root, origin } = parseCheckpoint(NOTE);
  const line = (time: number, stated: number) =>
    formatSignature({
      name,
      keyId: noteKeyId(name, ED25519_COSIGNATURE, publicKey),
      signature: timestamped(stated, ed25519.sign(ed25519CosignatureMessage({ text, size, root, origin }, time), secret)),
    });
  const key = parseVerifierKey(formatVerifierKey(name, ED25519_COSIGNATURE, publicKey));
  expect((await verifyCheckpoint(parseCheckpoint(NOTE + line(1_700_000_000, 1_700_000_000)), [key]))[0]?.time).toBe(
    1_700_000_000,
  );
  await expectCode(
    verifyCheckpoint(parseCheckpoint(NOTE + line(1_700_000_000, 1_700_000_001)), [key]),
    'note/signature-invalid',
  );
});

test.each([
  ['the cosigner', 'log.example', 'ä'.repeat(128)],
  ['the log', 'ä'.repeat(128), 'witness.example'],
])('an ML-DSA-44 cosignature has no message for a name of %s above 255 bytes', async (_, origin, cosigner) => {
  const body = { ...parseCheckpoint(NOTE), origin };
  await expectCode(() => mlDsaCosignatureMessage(body, cosigner, 1), 'checkpoint/malformed');
});

test('property: text and parsing are inverse', () => {
  fc.assert(
    fc.property(fc.nat(), fc.uint8Array({ minLength: 32, maxLength: 32 }), (size, root) => {
      const parsed = parseCheckpoint(`${checkpointText('log.example/x', size, root)}\n— k AAAAAAA=\n`);
      expect([parsed.origin, parsed.size, parsed.root]).toEqual(['log.example/x', size, root]);
    }),
  );
});
