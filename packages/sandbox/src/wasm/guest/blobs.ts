/**
 * `Blob` and `File` (W3C File API) whose bytes are in memory. The engine keeps its own under random names that a program can read,
 * gives files the machine's time, and reads both beside the program.
 */

import { epoch } from './determinism.ts';

const encoder = new TextEncoder();
const INSPECT = [Symbol.for('Deno.customInspect'), Symbol.for('nodejs.util.inspect.custom')];

function bytesOf(part: unknown): Uint8Array {
  if (part instanceof MemoryBlob) return part.whole();
  if (ArrayBuffer.isView(part)) return new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
  return part instanceof ArrayBuffer ? new Uint8Array(part) : encoder.encode(String(part));
}

function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const typeOf = (type: unknown): string => {
  const text = String(type ?? '');
  return /^[\x20-\x7e]*$/.test(text) ? text.toLowerCase() : '';
};

/** Bytes with a media type. */
export class MemoryBlob {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #type: string;

  constructor(parts?: unknown, options?: { readonly type?: unknown } | null) {
    if (parts !== undefined && (typeof parts !== 'object' || parts === null || !(Symbol.iterator in parts)))
      throw new TypeError('expected a sequence of parts as first argument');
    this.#bytes = join([...((parts ?? []) as Iterable<unknown>)].map(bytesOf));
    this.#type = typeOf(options?.type);
  }

  get size(): number {
    return this.#bytes.length;
  }

  get type(): string {
    return this.#type;
  }

  get [Symbol.toStringTag](): string {
    return 'Blob';
  }

  /** The bytes themselves. User code sees the copies that the methods below make. */
  whole(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice();
  }

  slice(start?: number, end?: number, type?: unknown): MemoryBlob {
    return new MemoryBlob([this.#bytes.slice(start, end)], { type });
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return this.whole().buffer;
  }

  async bytes(): Promise<Uint8Array> {
    return this.whole();
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(this.#bytes);
  }

  stream(): ReadableStream {
    const bytes = this.whole();
    return new ReadableStream({
      start: (controller) => {
        if (bytes.length > 0) controller.enqueue(bytes);
        controller.close();
      },
    });
  }
}

for (const symbol of INSPECT) {
  Object.defineProperty(MemoryBlob.prototype, symbol, {
    value(this: MemoryBlob) {
      return `${this[Symbol.toStringTag]} { size: ${this.size}, type: '${this.type}' }`;
    },
  });
}

/** A blob with a name. Without a time it carries the second in which the job began. */
export class MemoryFile extends MemoryBlob {
  readonly #name: string;
  readonly #lastModified: number;

  constructor(parts: unknown, name: unknown, options?: { readonly type?: unknown; readonly lastModified?: unknown } | null) {
    super(parts, options);
    this.#name = String(name);
    this.#lastModified = options?.lastModified === undefined ? epoch() : Number(options.lastModified) || 0;
  }

  get name(): string {
    return this.#name;
  }

  get lastModified(): number {
    return this.#lastModified;
  }

  override get [Symbol.toStringTag](): string {
    return 'File';
  }
}

for (const [prototype, name] of [
  [MemoryBlob, 'Blob'],
  [MemoryFile, 'File'],
] as const)
  Object.defineProperty(prototype, 'name', { value: name });
