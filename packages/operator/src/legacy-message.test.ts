/** The seed's message, held against signatures that python-ecdsa made as its operators make them. */

import { describe, expect, it } from 'vitest';
import { legacySignatureId, legacyText, verifyLegacyMessage } from './legacy-message.ts';

/** python-ecdsa 0.19, key 11…11: `sign(sha256(text))` with its default hash, SHA-1; the second with the other s. */
const VECTOR = {
  text: 'my-agent;update_variables;anthropic_api_key;sk-proj-f-1;2',
  publicKey:
    '4f355bdcb7cc0af728ef3cceb9615d90684bb5b2ca5f859ab0f0b704075871aa385b6b1b8ead809ca67454d9683fcf2ba03456d6fe2c4abe2b07f0fbdbb2f1c1',
  low: '8ee4f934678f35d37109f9d046e4d12686a2093fd10d96b29ad1f70f7d1e819819d301e475f8612ad04de6d8b0fbbf581095613283c38602c49a44d80b782f56',
  high: '8ee4f934678f35d37109f9d046e4d12686a2093fd10d96b29ad1f70f7d1e8198e62cfe1b8a079ed52fb219274f0440a6aa197bb42b851a38fb3819b4c4be11eb',
};

describe('the legacy message', () => {
  it('is the text that the seed describes; the value may hold a semicolon', () => {
    expect(legacyText('my-agent', 'anthropic_api_key', 'sk-proj-f-1;2')).toBe(VECTOR.text);
  });

  it('verifies with either s, with 0x or without', () => {
    for (const signature of [VECTOR.low, VECTOR.high, `0x${VECTOR.low}`])
      expect(verifyLegacyMessage(VECTOR.text, signature, VECTOR.publicKey)).toBe(true);
    expect(legacySignatureId(VECTOR.text, VECTOR.low)).toBe(legacySignatureId(VECTOR.text, VECTOR.high));
  });

  it("refuses the seed's dummy, other texts and every flipped bit", () => {
    const { text, publicKey, low } = VECTOR;
    expect(verifyLegacyMessage(text, 'x'.repeat(42), publicKey)).toBe(false);
    expect(verifyLegacyMessage(`${text} `, low, publicKey)).toBe(false);
    expect(verifyLegacyMessage(text, low, publicKey.replace(/^4f/, '4e'))).toBe(false);
    for (let bit = 0; bit < 512; bit += 1) {
      const bytes = Buffer.from(low, 'hex');
      bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(verifyLegacyMessage(text, bytes.toString('hex'), publicKey)).toBe(false);
    }
  });
});
