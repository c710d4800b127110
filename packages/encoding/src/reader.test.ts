import { describe, expect, it } from 'vitest';
import { ByteReader } from './reader.ts';

const source = Uint8Array.from({ length: 32 }, (_, index) => index + 1);

describe('ByteReader', () => {
  it('reads every width in both orders and keeps count', () => {
    const reader = new ByteReader(source, 'test');
    expect([reader.u8(), reader.u16le(), reader.u32le(), reader.u64le()]).toEqual([1, 0x0302, 0x07060504, 0x0f0e0d0c0b0a0908n]);
    expect([reader.u16be(), reader.u32be(), reader.u64be()]).toEqual([0x1011, 0x12131415, 0x161718191a1b1c1dn]);
    expect([reader.offset, reader.remaining]).toEqual([29, 3]);
    reader.skip(1);
    expect([...reader.rest()]).toEqual([31, 32]);
    reader.end();
  });

  it('gives views, also of a view', () => {
    const view = new ByteReader(source.subarray(8), 'test').bytes(2);
    expect(view.buffer).toBe(source.buffer);
    expect([...view]).toEqual([9, 10]);
  });

  it.each([
    ['past the end', (reader: ByteReader) => reader.bytes(33)],
    ['a negative count', (reader: ByteReader) => reader.bytes(-1)],
    ['half a byte', (reader: ByteReader) => reader.skip(0.5)],
    ['not a number', (reader: ByteReader) => reader.skip(Number.NaN)],
    ['an integer across the end', (reader: ByteReader) => [reader.skip(25), reader.u64be()]],
  ])('refuses to read %s', (_, read) => {
    expect(() => read(new ByteReader(source, 'test'))).toThrow(expect.objectContaining({ code: 'reader/out-of-bounds' }));
  });

  it('refuses trailing bytes', () => {
    expect(() => new ByteReader(source, 'test').end()).toThrow(expect.objectContaining({ code: 'reader/trailing-bytes' }));
  });
});
