/** DSSE envelopes: what is signed is what protocol.md of DSSE says, and nothing but the right key over the right bytes passes. */

import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { encodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { describe, expect, it } from 'vitest';
import { type DsseEnvelope, signEnvelope, verifyEnvelope } from './dsse.ts';
import { type Keyset, PROVENANCE_ALGORITHM, parseKeyset } from './keyset.ts';

const STATEMENT = '{"_type":"https://in-toto.io/Statement/v1","größe":1}';
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const raw = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32));
const signer = { keyId: 'provenance-1', sign: (message: Uint8Array) => new Uint8Array(sign(null, message, privateKey)) };
const envelope = signEnvelope(signer, STATEMENT);
const bytesOf = (value: unknown): Uint8Array => utf8(JSON.stringify(value));

function keysetWith(algo: string, key_id = 'provenance-1'): Keyset {
  return parseKeyset({
    ...{ subject: null, not_after: 1, e2ee_public_keys: [], tls_public_keys: [] },
    receipt_signing_keys: [{ key_id, algo, public_key: encodeHex(raw) }],
  });
}
const keyset = keysetWith(PROVENANCE_ALGORITHM);

describe('an envelope', () => {
  it('gives its statement and key', async () => {
    expect(await verifyEnvelope(bytesOf(envelope), keyset)).toEqual({ statement: utf8(STATEMENT), keyId: 'provenance-1' });
  });

  it('is signed over type and statement with their lengths in bytes', () => {
    const signed = Buffer.from(`DSSEv1 28 application/vnd.in-toto+json 55 ${STATEMENT}`);
    const signature = Buffer.from(envelope.signatures[0]?.sig ?? '', 'base64');
    expect(verify(null, signed, createPublicKey(privateKey), signature)).toBe(true);
  });

  it('fails for every flipped bit of the signature, and for one of each byte of the statement', async () => {
    const flips: DsseEnvelope[] = [];
    const flipped = (base64: string, bit: number): string => {
      const bytes = Buffer.from(base64, 'base64');
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return bytes.toString('base64');
    };
    const [{ keyid, sig } = { keyid: '', sig: '' }] = envelope.signatures;
    for (let bit = 0; bit < 512; bit += 1) flips.push({ ...envelope, signatures: [{ keyid, sig: flipped(sig, bit) }] });
    for (let byte = 0; byte < utf8(STATEMENT).length; byte += 1)
      flips.push({ ...envelope, payload: flipped(envelope.payload, byte * 8) });
    for (const each of flips)
      await expect(verifyEnvelope(bytesOf(each), keyset)).rejects.toMatchObject({ code: 'envelope/signature-invalid' });
  });

  it.each([
    ['a key of another role', keysetWith('ed25519')],
    ['a key of another name', keysetWith(PROVENANCE_ALGORITHM, 'provenance-2')],
  ])('fails by %s', async (_, other) => {
    await expect(verifyEnvelope(bytesOf(envelope), other)).rejects.toMatchObject({ code: 'keyset/key-missing' });
  });

  it.each([
    ['no JSON', utf8('DSSE')],
    ['another type', bytesOf({ ...envelope, payloadType: 'text/plain' })],
    ['a member more', bytesOf({ ...envelope, note: 1 })],
    ['no signature', bytesOf({ ...envelope, signatures: [] })],
    ['two signatures', bytesOf({ ...envelope, signatures: [...envelope.signatures, ...envelope.signatures] })],
    ['a signature without a key', bytesOf({ ...envelope, signatures: [{ sig: '' }] })],
    ['a payload that is no base64', bytesOf({ ...envelope, payload: '*' })],
    ['more bytes than are read', new Uint8Array(8 * 1024 * 1024 + 1)],
  ])('with %s is malformed', async (_, bytes) => {
    await expect(verifyEnvelope(bytes, keyset)).rejects.toMatchObject({ code: 'envelope/malformed' });
  });

  it('by a short signature fails', async () => {
    const short = { ...envelope, signatures: [{ keyid: 'provenance-1', sig: encodeBase64(new Uint8Array(63)) }] };
    await expect(verifyEnvelope(bytesOf(short), keyset)).rejects.toMatchObject({ code: 'envelope/signature-invalid' });
  });
});
