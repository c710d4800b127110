/**
 * Opens gzip (RFC 1952) with the platform's own decompressor, up to a limit. Nothing is verified here; what comes out is as untrusted as
 * what went in.
 */

import { bufferSource, joinBytes } from '@assay/encoding/bytes';

/**
 * @param limit bytes that may come out; more is no evidence.
 * @returns the contents, `null` when the bytes are no gzip or hold more than `limit`.
 * @example await gunzip(body, 1 << 16)
 */
export async function gunzip(bytes: Uint8Array, limit: number): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    const stream = new Blob([bufferSource(bytes)]).stream().pipeThrough(new DecompressionStream('gzip'));
    const reader = stream.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const chunk: Uint8Array = part.value;
      length += chunk.length;
      if (length > limit) {
        await reader.cancel();
        return null;
      }
      chunks.push(chunk);
    }
  } catch {
    return null;
  }
  return joinBytes(chunks);
}
