/** Seed 004's wire format. */
import { execFileSync } from 'node:child_process';
import { utf8 } from '@assay/encoding/bytes';
import type { Json } from '@assay/encoding/json';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bindingOf, openEnvelope, SPKI_LENGTH, sealEnvelope } from './envelope.ts';
import { pythonJson } from './python-json.ts';

async function party(): Promise<{ privateKey: CryptoKey; spki: Uint8Array }> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-384' }, false, ['deriveBits']);
  return { privateKey: pair.privateKey, spki: new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey)) };
}

describe('the envelope', () => {
  it('opens on the other side, bound to what it is bound to', async () => {
    const [client, server] = [await party(), await party()];
    expect(client.spki.length).toBe(SPKI_LENGTH);
    const nonce = crypto.getRandomValues(new Uint8Array(32));
    const additionalData = bindingOf('request', nonce, client.spki);
    const sealed = await sealEnvelope(
      { privateKey: client.privateKey, peerSpki: server.spki, nonce, additionalData },
      utf8('hi'),
    );
    const opening = { privateKey: server.privateKey, peerSpki: client.spki, nonce };
    expect(await openEnvelope({ ...opening, additionalData }, sealed)).toEqual(utf8('hi'));
    await expect(openEnvelope(opening, sealed)).rejects.toMatchObject({ code: 'channel/decryption-failed' });
    await expect(
      openEnvelope({ ...opening, additionalData: bindingOf('response', nonce, client.spki) }, sealed),
    ).rejects.toHaveProperty('code');
  });

  it('refuses short nonces and foreign keys', async () => {
    const { privateKey, spki } = await party();
    await expect(sealEnvelope({ privateKey, peerSpki: spki, nonce: new Uint8Array(7) }, utf8('x'))).rejects.toMatchObject({
      code: 'channel/message-malformed',
    });
    await expect(
      sealEnvelope({ privateKey, peerSpki: new Uint8Array(120), nonce: new Uint8Array(32) }, utf8('x')),
    ).rejects.toMatchObject({
      code: 'channel/message-malformed',
    });
  });
});

describe('JSON as Python writes it', () => {
  it.each<[Json, string, string]>([
    [{ b: 1, a: 'é"\u007f' }, '{"b": 1, "a": "\\u00e9\\"\u007f"}', '{"a":"\\u00e9\\"\u007f","b":1}'],
    [
      { list: [true, null, ''], '😀': '\n' },
      '{"list": [true, null, ""], "\\ud83d\\ude00": "\\n"}',
      '{"list":[true,null,""],"\\ud83d\\ude00":"\\n"}',
    ],
  ])('%j', (value, spaced, compact) => {
    expect(pythonJson(value, { separators: 'spaced', sortKeys: false })).toBe(spaced);
    expect(pythonJson(value, { separators: 'compact', sortKeys: true })).toBe(compact);
  });

  it('refuses fractions', () => {
    expect(() => pythonJson(0.5, { separators: 'spaced', sortKeys: false })).toThrowError(
      expect.objectContaining({ code: 'channel/message-malformed' }),
    );
  });

  it('equals Python itself', ({ skip }) => {
    const documents = fc.sample(
      fc.dictionary(fc.string({ unit: 'binary' }), fc.oneof(fc.string({ unit: 'binary' }), fc.maxSafeInteger(), fc.boolean())),
      { numRuns: 50, seed: 1 },
    );
    const program =
      'import json,sys\nfor d in json.load(sys.stdin): print(json.dumps(json.dumps(d,separators=(",",":"),sort_keys=True)))';
    let output: string;
    try {
      output = execFileSync('python3', ['-c', program], { input: JSON.stringify(documents), encoding: 'utf8' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') skip('left out: no python3 to compare with');
      throw error;
    }
    const lines = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as string);
    expect(documents.map((document) => pythonJson({ ...document }, { separators: 'compact', sortKeys: true }))).toEqual(lines);
  });
});
