/**
 * The `Request` that came out of the encrypted channel. Its bytes are all here already, so the common readers answer from them; a real
 * `Request` with its streams is made only when somebody asks for one of its other members.
 */

import { platformClass } from '@assay/encoding/platform-class';

/** What the gateway knows of a decrypted request. */
export interface OpenedParts {
  readonly method: string;
  /** Absolute. */
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
  /** Aborts when the sender goes away. Asked only when needed. */
  readonly signal: () => AbortSignal;
}

const decoder = new TextDecoder();

class OpenedRequest {
  readonly #parts: OpenedParts;
  #headers: Headers | null = null;
  #real: Request | null = null;
  #taken = false;

  constructor(parts: OpenedParts) {
    this.#parts = parts;
  }

  get method(): string {
    return this.#parts.method;
  }

  get url(): string {
    return this.#parts.url;
  }

  get headers(): Headers {
    if (this.#headers === null) {
      this.#headers = new Headers();
      for (const [name, value] of this.#parts.headers) this.#headers.append(name, value);
    }
    return this.#headers;
  }

  get signal(): AbortSignal {
    return this.#parts.signal();
  }

  get bodyUsed(): boolean {
    return this.#real === null ? this.#taken : this.#real.bodyUsed;
  }

  /** The same request as the platform's own class, body and its use included. */
  real(): Request {
    if (this.#real !== null) return this.#real;
    const { method, url, body } = this.#parts;
    const hasBody = method !== 'GET' && method !== 'HEAD';
    this.#real = new (platformClass(Request))(url, {
      method,
      headers: this.headers,
      signal: this.signal,
      ...(hasBody ? { body: body as BodyInit } : {}),
    });
    if (this.#taken) void this.#real.arrayBuffer();
    return this.#real;
  }

  /** The body's bytes, once. `null` when the real request has to answer. */
  #take(): Uint8Array | null {
    const { method, body } = this.#parts;
    if (this.#real !== null || this.#taken || method === 'GET' || method === 'HEAD') return null;
    this.#taken = true;
    return body;
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = this.#take();
    return bytes === null ? this.real().arrayBuffer() : (bytes.slice().buffer as ArrayBuffer);
  }

  async text(): Promise<string> {
    const bytes = this.#take();
    return bytes === null ? this.real().text() : decoder.decode(bytes);
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }
}

const DELEGATED = [
  'body',
  'cache',
  'credentials',
  'destination',
  'duplex',
  'integrity',
  'keepalive',
  'mode',
  'redirect',
  'referrer',
  'referrerPolicy',
];
const DELEGATED_CALLS = ['blob', 'bytes', 'clone', 'formData'];

for (const name of DELEGATED) {
  Object.defineProperty(OpenedRequest.prototype, name, {
    get(this: OpenedRequest) {
      return Reflect.get(this.real(), name) as unknown;
    },
  });
}
for (const name of DELEGATED_CALLS) {
  Object.defineProperty(OpenedRequest.prototype, name, {
    value(this: OpenedRequest) {
      const real = this.real();
      return (Reflect.get(real, name) as () => unknown).call(real);
    },
  });
}
Object.setPrototypeOf(OpenedRequest.prototype, platformClass(Request).prototype);

/** @example const answer = await app.fetch(openedRequest({ method, url, headers, body, signal })) */
export function openedRequest(parts: OpenedParts): Request {
  return new OpenedRequest(parts) as unknown as Request;
}
