/**
 * Caps the linear memory of every wasm module by rewriting the maximum in its memory section before it is compiled, so that an
 * interpreter out of memory raises `MemoryError` at the same place on every machine. WebAssembly core specification, §5.5.8.
 */

interface MemoryField {
  readonly flags: number;
  /** Where the maximum stands, when there is one. */
  readonly maximum: { readonly at: number; readonly end: number; readonly value: number } | null;
}

const MEMORY_SECTION = 5;
const HAS_MAXIMUM = 1;
const SHARED = 2;

/** Finds memory 0 of a module; `null` when it declares none. */
function findMemory(bytes: Uint8Array): MemoryField | null {
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
    if (id === MEMORY_SECTION) {
      number();
      const flags = bytes[at++] ?? 0;
      number();
      if ((flags & HAS_MAXIMUM) === 0) return { flags, maximum: null };
      const start = at;
      const value = number();
      return { flags, maximum: { at: start, end: at, value } };
    }
    at = end;
  }
  return null;
}

function sharesMemory(module: Uint8Array): boolean {
  return ((findMemory(module)?.flags ?? 0) & SHARED) !== 0;
}

/** Rewrites the maximum of memory 0 to `pages` (64 KiB each); a module without a maximum in place is left alone. */
export function capMemory(module: Uint8Array, pages: number): Uint8Array {
  const bytes = module.slice();
  const maximum = findMemory(bytes)?.maximum ?? null;
  if (maximum === null) return bytes;
  let rest = Math.min(maximum.value, pages);
  for (let index = maximum.at; index < maximum.end; index += 1) {
    bytes[index] = (rest & 127) | (index < maximum.end - 1 ? 128 : 0);
    rest >>>= 7;
  }
  return bytes;
}

function bytesOf(source: unknown): Uint8Array<ArrayBuffer> {
  return ArrayBuffer.isView(source)
    ? (new Uint8Array(source.buffer, source.byteOffset, source.byteLength) as Uint8Array<ArrayBuffer>)
    : new Uint8Array(source as ArrayBuffer);
}

/**
 * Makes every later instantiation go through {@link capMemory}, at once instead of beside the program, so that results come in
 * order.
 */
export function capInstantiation(pages: number): void {
  const { Instance, Module } = WebAssembly;
  const compile = async (source: unknown): Promise<WebAssembly.Module> => new Module(bytesOf(source));
  const instantiate = async (source: unknown, imports?: WebAssembly.Imports): Promise<unknown> => {
    if (source instanceof Module) return new Instance(source, imports);
    const module = new Module(capMemory(bytesOf(source), pages) as Uint8Array<ArrayBuffer>);
    return { module, instance: new Instance(module, imports) };
  };
  Object.assign(WebAssembly, { compile, instantiate });
}

/** Refuses memories that threads could share: this sandbox has none. Called when the runtime's own modules are loaded. */
export function refuseSharedMemory(): void {
  const { CompileError, Memory, Module } = WebAssembly;
  const words = 'shared memory is not available in this sandbox, which has no threads';
  const modules = new Proxy(Module, {
    construct: (target, [source], newTarget) => {
      const bytes = bytesOf(source).slice();
      if (sharesMemory(bytes)) throw new CompileError(words);
      return Reflect.construct(target, [bytes], newTarget) as object;
    },
  });
  const memories = new Proxy(Memory, {
    construct: (target, [wanted], newTarget) => {
      const { shared, ...descriptor } = { ...(wanted as { readonly shared?: unknown }) };
      if (shared === true) throw new TypeError(words);
      return Reflect.construct(target, [descriptor], newTarget) as object;
    },
  });
  for (const [prototype, value] of [
    [Module.prototype, modules],
    [Memory.prototype, memories],
  ] as const) {
    Object.defineProperty(prototype, 'constructor', { value, writable: true, configurable: true });
  }
  const compile = async (source: unknown): Promise<unknown> => new modules(source as BufferSource);
  const { instantiate } = WebAssembly as unknown as { readonly instantiate: (source: unknown, imports?: unknown) => unknown };
  const checked = async (source: unknown, imports?: unknown): Promise<unknown> => {
    if (!(source instanceof Module) && sharesMemory(bytesOf(source))) throw new CompileError(words);
    return await instantiate(source, imports);
  };
  Object.assign(WebAssembly, { compile, instantiate: checked, Module: modules, Memory: memories });
}
