/**
 * Caps the linear memory of every wasm module by rewriting the maximum in its memory section before it is compiled, so that an
 * interpreter out of memory raises `MemoryError` at the same place on every machine. WebAssembly core specification, §5.5.8.
 */

/** Rewrites the maximum of memory 0 to `pages` (64 KiB each); a module without a maximum in place is left alone. */
export function capMemory(module: Uint8Array, pages: number): Uint8Array {
  const bytes = module.slice();
  let at = 8;
  const number = (): number => {
    let result = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      result |= (byte & 127) << shift;
      if ((byte & 128) === 0) return result >>> 0;
    }
  };
  while (at < bytes.length) {
    const id = bytes[at++];
    const size = number();
    const end = at + size;
    if (id === 5) {
      number();
      const flags = bytes[at++] ?? 0;
      number();
      if ((flags & 1) === 0) return bytes;
      const start = at;
      const before = number();
      let rest = Math.min(before, pages);
      for (let index = start; index < at; index += 1) {
        bytes[index] = (rest & 127) | (index < at - 1 ? 128 : 0);
        rest >>>= 7;
      }
      return bytes;
    }
    at = end;
  }
  return bytes;
}

/** Makes every later instantiation go through {@link capMemory}. */
export function capInstantiation(pages: number): void {
  const original = WebAssembly.instantiate as (source: unknown, imports?: unknown) => Promise<never>;
  const capped = (source: unknown, imports?: unknown): Promise<never> => {
    if (source instanceof WebAssembly.Module) return original(source, imports);
    const bytes = ArrayBuffer.isView(source)
      ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
      : new Uint8Array(source as ArrayBuffer);
    return original(capMemory(bytes, pages), imports);
  };
  const streaming = async (response: Response | PromiseLike<Response>, imports?: unknown): Promise<never> =>
    capped(await (await response).arrayBuffer(), imports);
  Object.assign(WebAssembly, { instantiate: capped, instantiateStreaming: streaming });
}
