/**
 * `FormData`, and forms and blobs as bodies. Forms are encoded as `multipart/form-data` (RFC 7578, escapes of the WHATWG standard)
 * with a boundary from the seed; the engine's own is random, so that a request with a form could not be served from a recording.
 */

import { MemoryBlob, MemoryFile } from './blobs.ts';
import { inTurn, randomUuid } from './determinism.ts';

type Entry = string | MemoryFile;

/** Names and values, in the order in which they were added. */
export class MemoryForm {
  #entries: (readonly [string, Entry])[] = [];

  append(name: unknown, value: unknown, filename?: unknown): void {
    this.#entries.push([String(name), entryOf(value, filename)]);
  }

  set(name: unknown, value: unknown, filename?: unknown): void {
    const entry = [String(name), entryOf(value, filename)] as const;
    const at = this.#entries.findIndex(([other]) => other === entry[0]);
    if (at === -1) this.#entries.push(entry);
    else this.#entries = this.#entries.flatMap((old, index) => (index === at ? [entry] : old[0] === entry[0] ? [] : [old]));
  }

  delete(name: unknown): void {
    this.#entries = this.#entries.filter(([other]) => other !== String(name));
  }

  get(name: unknown): Entry | null {
    return this.#entries.find(([other]) => other === String(name))?.[1] ?? null;
  }

  getAll(name: unknown): Entry[] {
    return this.#entries.filter(([other]) => other === String(name)).map(([, value]) => value);
  }

  has(name: unknown): boolean {
    return this.get(name) !== null;
  }

  forEach(call: (value: Entry, name: string, form: MemoryForm) => void): void {
    for (const [name, value] of this) call(value, name, this);
  }

  *entries(): Generator<[string, Entry]> {
    for (const [name, value] of this.#entries) yield [name, value];
  }

  *keys(): Generator<string> {
    for (const [name] of this.#entries) yield name;
  }

  *values(): Generator<Entry> {
    for (const [, value] of this.#entries) yield value;
  }

  [Symbol.iterator](): Generator<[string, Entry]> {
    return this.entries();
  }

  get [Symbol.toStringTag](): string {
    return 'FormData';
  }
}
Object.defineProperty(MemoryForm, 'name', { value: 'FormData' });

function entryOf(value: unknown, filename: unknown): Entry {
  if (value instanceof MemoryFile && filename === undefined) return value;
  if (!(value instanceof MemoryBlob)) return String(value);
  const options = { type: value.type, lastModified: value instanceof MemoryFile ? value.lastModified : undefined };
  return new MemoryFile([value], filename ?? 'blob', options);
}

const escapeName = (name: string): string => name.replaceAll('\n', '%0A').replaceAll('\r', '%0D').replaceAll('"', '%22');
const withCrlf = (text: string): string => text.replace(/\r\n|\r|\n/g, '\r\n');

/** The form as a blob whose type names the boundary. */
export function encodeForm(form: MemoryForm): MemoryBlob {
  const boundary = `assay-form-${randomUuid()}`;
  const parts: unknown[] = [];
  for (const [name, entry] of form) {
    const head = `--${boundary}\r\ncontent-disposition: form-data; name="${escapeName(withCrlf(name))}"`;
    if (typeof entry === 'string') parts.push(`${head}\r\n\r\n${withCrlf(entry)}\r\n`);
    else {
      const type = entry.type === '' ? 'application/octet-stream' : entry.type;
      parts.push(`${head}; filename="${escapeName(entry.name)}"\r\ncontent-type: ${type}\r\n\r\n`, entry, '\r\n');
    }
  }
  parts.push(`--${boundary}--\r\n`);
  return new MemoryBlob(parts, { type: `multipart/form-data; boundary=${boundary}` });
}

type Init = Readonly<Record<string, unknown>> & { readonly headers?: HeadersInit };
type Sent = { readonly body: unknown; readonly init: unknown };

/** A body as the engine takes it; the media type of a blob or form becomes a header where none is given. */
function sentBody(body: unknown, init: unknown): Sent {
  const blob = body instanceof MemoryForm ? encodeForm(body) : body;
  if (!(blob instanceof MemoryBlob)) return { body, init };
  const given = (typeof init === 'object' && init !== null ? init : {}) as Init;
  const headers = new Headers(given.headers);
  if (blob.type !== '' && !headers.has('content-type')) headers.set('content-type', blob.type);
  return { body: blob.whole(), init: { ...given, headers } };
}

/** Installs forms and blobs, and the `Request` and `Response` that take and give them. */
export function installBodies(define: (target: object, name: PropertyKey, value: unknown) => void): void {
  const request = new Proxy(Request, {
    construct: (target, [input, options], newTarget) => {
      const asked = typeof options === 'object' && options !== null ? { ...options } : options;
      const { body, init } = sentBody((asked as { readonly body?: unknown } | undefined)?.body, asked);
      const given = init === asked ? asked : { ...(init as object), body };
      return Reflect.construct(target, [input, given], newTarget) as object;
    },
  });
  const response = new Proxy(Response, {
    construct: (target, [content, options], newTarget) => {
      const { body, init } = sentBody(content, options);
      return Reflect.construct(target, [body, init], newTarget) as object;
    },
  });
  for (const [name, value] of [
    ['Request', request],
    ['Response', response],
  ] as const) {
    define(value.prototype, 'constructor', value);
    define(globalThis, name, value);
    installReading(value.prototype, define);
  }
  for (const [name, value] of [
    ['Blob', MemoryBlob],
    ['File', MemoryFile],
    ['FormData', MemoryForm],
  ] as const)
    define(globalThis, name, value);
}

/** `blob()` and `formData()` of a body that was received. */
function installReading(
  prototype: Request | Response,
  define: (target: object, name: PropertyKey, value: unknown) => void,
): void {
  const parse = prototype.formData as () => Promise<FormData>;
  define(prototype, 'blob', async function (this: Response) {
    const type = this.headers.get('content-type') ?? '';
    return new MemoryBlob([await this.arrayBuffer()], { type });
  });
  define(prototype, 'formData', async function (this: Response) {
    const form = new MemoryForm();
    for (const [name, entry] of await Reflect.apply(parse, this, [])) {
      if (typeof entry === 'string') form.append(name, entry);
      else form.append(name, new MemoryFile([await inTurn(() => entry.arrayBuffer())], entry.name, { type: entry.type }));
    }
    return form;
  });
}
