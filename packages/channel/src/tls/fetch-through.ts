/** `fetch` over connections that the caller makes, with the platform's own classes on both ends. */

import { type Dispatcher, fetch as undiciFetch } from 'undici';
import { ChannelError } from '../errors.ts';

/**
 * @throws the `fetch` it returns: the {ChannelError} that the connection ended in, when it was one.
 * @example const send = fetchThrough(new Agent({ connect }));
 */
export function fetchThrough(dispatcher: Dispatcher): typeof globalThis.fetch {
  return async (input, init) => {
    const request = input instanceof Request ? input : null;
    const from = request === null ? {} : { method: request.method, headers: request.headers, signal: request.signal };
    const body = init?.body ?? request?.body ?? null;
    const merged = {
      ...from,
      ...init,
      headers: [...new Headers(init?.headers ?? request?.headers)],
      ...(body === null ? {} : { body }),
      ...(body instanceof ReadableStream ? { duplex: 'half' as const } : {}),
      dispatcher,
    };
    try {
      const answer = await undiciFetch(request?.url ?? String(input), merged as unknown as Parameters<typeof undiciFetch>[1]);
      // undici's own classes stay in here: readers get the platform's
      const { status, statusText } = answer;
      const headers = [...answer.headers];
      const empty = status === 204 || status === 304 || answer.body === null;
      return new Response(empty ? null : (answer.body as unknown as ReadableStream), { status, statusText, headers });
    } catch (error) {
      const { cause } = error as { readonly cause?: unknown };
      throw ChannelError.is(cause) ? cause : error;
    }
  };
}
