/** Models that are larger than memory: read in order, a few MiB at a time, whatever the size of file and tensors. */

import { createHash } from 'node:crypto';
import { type FakeTensor, fakeGguf } from '@assay/testing';
import { describe, expect, it } from 'vitest';
import type { ByteSource } from './byte-source.ts';
import { identifyModel } from './model-identity.ts';

const MIB = 1024 * 1024;
/** F32 in rows of 4096; 20 GB all together. */
const ROWS = [1_000_000, 200_000, 20_000, 1];
const TENSORS: readonly FakeTensor[] = ROWS.map((rows, index) => ({
  ...{ name: `blk.${index}.weight`, type: 0, extents: [4096, rows], bytes: new Uint8Array() },
  offset: ROWS.slice(0, index).reduce((sum, each) => sum + each * 4096 * 4, 0),
}));

/** A file of zeros behind its header, which is nowhere as a whole. */
function vast() {
  const header = fakeGguf({ tensors: TENSORS });
  const size = header.length + ROWS.reduce((sum, rows) => sum + rows * 4096 * 4, 0);
  const buffers = [new Uint8Array(4 * MIB), new Uint8Array(4 * MIB)];
  const reads: { readonly offset: number; readonly length: number }[] = [];
  const source: ByteSource = {
    name: 'vast.gguf',
    size,
    read: async (offset, length) => {
      reads.push({ offset, length });
      if (length > 4 * MIB) throw new Error(`a read of ${length} bytes`);
      const bytes = buffers[reads.length % 2]!.fill(0, 0, Math.min(length, header.length)).subarray(0, length);
      if (offset < header.length) bytes.set(header.subarray(offset, offset + length).subarray(0, length));
      return bytes;
    },
  };
  return { source, size, reads, header };
}

describe('a file of 20 GB', () => {
  it('is read once, at most 4 MiB at a time, and named by every byte of it', { timeout: 60_000 }, async () => {
    const { source, size, reads, header } = vast();
    expect(size).toBeGreaterThan(19_980_000_000);
    let hashed = 0;
    // Counts in place of hashing: the time of 20 GB is not what this asks about.
    const newHasher = () => {
      let length = 0;
      return {
        update: (bytes: Uint8Array) => {
          length += bytes.length;
        },
        digest: () => {
          hashed += length;
          return createHash('sha256').update(String(length)).digest();
        },
      };
    };
    const before = process.memoryUsage.rss();
    const { tensors } = await identifyModel([source], { newHasher });
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * MIB);
    expect(tensors).toHaveLength(ROWS.length);
    expect(hashed).toBeGreaterThanOrEqual(size - header.length);
    const data = reads.filter(({ offset }) => offset >= header.length);
    expect(data.reduce((sum, { length }) => sum + length, 0)).toBe(size - header.length);
  });

  it('that says it is larger than it is, or smaller, is refused before its data are read', async () => {
    for (const change of [-32, 32]) {
      const { source, reads, header } = vast();
      const outcome = identifyModel([{ ...source, size: source.size + change }]);
      await expect(outcome).rejects.toMatchObject({ code: 'model-file/malformed' });
      expect(reads.filter(({ offset }) => offset >= header.length)).toEqual([]);
    }
  });
});
