/** `fetch` over connections that the caller makes, with the platform's own classes on both ends. */

import { platformClass } from '@assay/encoding/platform-class';
import type { Dispatcher } from 'undici';
import { ChannelError } from '../errors.ts';

type Client = typeof import('undici');

/**
 * @param open makes what connects, at the first request: the client has some 110 modules, loaded with it and not with the program.
 * @throws the `fetch` it returns: the {ChannelError} that the connection ended in, when it was one.
 * @example const send = fetchThrough(({ Agent }) => new Agent({ connect }));
 */
export function fetchThrough(open: (client: Client) => Dispatcher): typeof globalThis.fetch {
  let opened: Promise<{ readonly client: Client; readonly dispatcher: Dispatcher }> | null = null;
  return async (input, init) => {
    opened ??= import('undici').then((client) => ({ client, dispatcher: open(client) }));
    const { client, dispatcher } = await opened;
    const request = input instanceof platformClass(Request) ? input : null;
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
      const answer = await client.fetch(request?.url ?? String(input), merged as unknown as Parameters<Client['fetch']>[1]);
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
