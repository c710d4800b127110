/**
 * The enclave's end of EHBP (tinfoilsh/encrypted-http-body-protocol SPEC.md §4), written with @hpke/core and Node's own cryptography and nothing of the
 * code under test: opens a request's frames, seals an answer's.
 */

import { createCipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';

const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });

export interface EhbpRecipient {
  /** Raw X25519 key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** @throws when the body is not for this key. */
  open(encapsulatedKeyHex: string, body: Uint8Array): Promise<EhbpOpened>;
}

export interface EhbpOpened {
  readonly request: Uint8Array;
  /** Hex for the header, and a function that seals one piece as one frame. */
  answer(): { readonly nonce: string; readonly seal: (piece: Uint8Array) => Buffer };
}

/** With a fresh key pair. */
export async function ehbpRecipient(): Promise<EhbpRecipient> {
  const pair = await suite.kem.generateKeyPair();
  return {
    publicKey: new Uint8Array(await suite.kem.serializePublicKey(pair.publicKey)),
    async open(encapsulatedKeyHex, body) {
      const enc = new Uint8Array(Buffer.from(encapsulatedKeyHex, 'hex'));
      const info = new TextEncoder().encode('ehbp request');
      const context = await suite.createRecipientContext({ recipientKey: pair.privateKey, enc: enc.buffer, info });
      const pieces: Buffer[] = [];
      for (let at = 0; at < body.length; ) {
        const length = new DataView(body.buffer, body.byteOffset + at, 4).getUint32(0);
        if (at + 4 + length > body.length) throw new RangeError('a cut frame');
        if (length > 0) pieces.push(Buffer.from(await context.open(body.slice(at + 4, at + 4 + length).buffer)));
        at += 4 + length;
      }
      const secret = Buffer.from(await context.export(new TextEncoder().encode('ehbp response'), 32));
      return { request: new Uint8Array(Buffer.concat(pieces)), answer: () => answering(secret, enc) };
    },
  };
}

function answering(secret: Buffer, enc: Uint8Array): ReturnType<EhbpOpened['answer']> {
  const nonce = randomBytes(32);
  const salt = Buffer.concat([enc, nonce]);
  const derive = (label: string, length: number): Buffer => Buffer.from(hkdfSync('sha256', secret, salt, label, length));
  const [key, base] = [derive('key', 32), derive('nonce', 12)];
  let sequence = 0;
  return {
    nonce: nonce.toString('hex'),
    seal(piece) {
      const iv = Buffer.from(base);
      iv.writeUInt32BE((iv.readUInt32BE(8) ^ sequence) >>> 0, 8);
      sequence += 1;
      const cipher = createCipheriv('aes-256-gcm', key, iv);
      const sealed = Buffer.concat([cipher.update(piece), cipher.final(), cipher.getAuthTag()]);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(sealed.length);
      return Buffer.concat([length, sealed]);
    },
  };
}
