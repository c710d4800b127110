import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePem, encodePem } from './pem.ts';

const block = '-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n';

describe('pem', () => {
  it('round-trips', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (der) => {
        expect(decodePem(encodePem('X509 CRL', der))).toEqual([{ label: 'X509 CRL', der }]);
      }),
    );
    expect(
      Math.max(
        ...encodePem('CERTIFICATE', new Uint8Array(100))
          .split('\n')
          .map(({ length }) => length),
      ),
    ).toBe(64);
  });

  it('reads several blocks in order, with windows line ends and text around them', () => {
    const text = `subject=CN=x\r\n${block.replaceAll('\n', '\r\n')}between\n-----BEGIN PUBLIC KEY-----\nZGVm\n-----END PUBLIC KEY-----\0`;
    expect(decodePem(text).map(({ label, der }) => [label, Buffer.from(der).toString()])).toEqual([
      ['CERTIFICATE', 'abc'],
      ['PUBLIC KEY', 'def'],
    ]);
  });

  it.each([
    ['no block', 'YWJj'],
    ['an open block', '-----BEGIN CERTIFICATE-----\nYWJj\n'],
    ['a block closed by another label', block.replace('END CERTIFICATE', 'END PUBLIC KEY')],
    ['a block inside a block', block.replace('YWJj', block)],
    ['an encapsulated header', block.replace('YWJj', 'Proc-Type: 4,ENCRYPTED\n\nYWJj')],
    ['missing padding', block.replace('YWJj', 'YWI')],
  ])('refuses %s', (_, text) => {
    expect(() => decodePem(text)).toThrow(expect.objectContaining({ code: 'pem/malformed' }));
  });
});
