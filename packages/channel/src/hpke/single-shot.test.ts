/** A sealed message opens for its key, its use and its data alone. */

import { utf8 } from '@assay/encoding/bytes';
import { expectCode } from '@assay/testing';
import { describe, expect, it } from 'vitest';
import { X_WING, X25519 } from './kem.ts';
import { openMessage, sealMessage } from './single-shot.ts';

const about = { info: utf8('a use'), additionalData: utf8('a digest') };
const message = utf8('sk-proj-1');

describe.each([X25519, X_WING])('KEM $id', (kem) => {
  it('opens what was sealed to its key, once for each sender', async () => {
    const pair = await kem.generate();
    const first = await sealMessage(kem, pair.publicKey, about, message);
    const second = await sealMessage(kem, pair.publicKey, about, message);
    expect(first.ciphertext).not.toEqual(second.ciphertext);
    for (const sealed of [first, second]) expect(await openMessage(pair, about, sealed)).toEqual(message);
  });

  it('opens nothing of another key, use or data, and no changed byte', async () => {
    const [pair, other] = [await kem.generate(), await kem.generate()];
    const sealed = await sealMessage(kem, pair.publicKey, about, message);
    const refused = (attempt: Promise<unknown>) => expectCode(() => attempt, 'channel/decryption-failed');
    await refused(openMessage(other, about, sealed));
    await refused(openMessage(pair, { ...about, info: utf8('another use') }, sealed));
    await refused(openMessage(pair, { ...about, additionalData: utf8('another digest') }, sealed));
    for (const part of ['encapsulated', 'ciphertext'] as const) {
      const changed = sealed[part].slice();
      changed[5] = (changed[5] ?? 0) ^ 1;
      await refused(openMessage(pair, about, { ...sealed, [part]: changed }));
    }
  });
});
