/** What an address holds: bounded, and from nowhere else. A redirect is not followed, because the address is what the user vouches for. */

import { readAtMost } from '@assay/encoding/bounded-reader';
import { isCoded } from '@assay/encoding/coded-error';
import { CliError } from './errors.ts';
import { inputTooLarge } from './file-reader.ts';

export interface AddressRequest {
  readonly fetch: typeof globalThis.fetch;
  /** Longest content, bytes. */
  readonly most: number;
  readonly signal: AbortSignal;
}

const TIMEOUT_MS = 30_000;
/** Of an address that is only shown, characters. */
const MOST_SHOWN = 300;

/**
 * @throws {CliError} `cli/url-unreachable`, `cli/url-redirected`, `cli/input-too-large`; coded errors of `fetch`.
 * @example await addressContent('https://agent.example/report.json', { fetch, most: 1024 * 1024, signal })
 */
export async function addressContent(url: string, { fetch, most, signal }: AddressRequest): Promise<Uint8Array> {
  try {
    const answer = await fetch(url, {
      redirect: 'manual', // to say where it points
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      headers: { accept: 'application/json, application/octet-stream, */*;q=0.5' },
    });
    if (answer.ok) return await readAtMost(answer.body, { most, what: url, refuse: () => inputTooLarge(url, most) });
    await answer.body?.cancel();
    throw redirected(answer, url) ?? new CliError('cli/url-unreachable', `${url} answers ${answer.status}; check the address`);
  } catch (cause) {
    if (isCoded(cause)) throw cause;
    const reason = cause instanceof Error ? ((cause.cause as Error | undefined)?.message ?? cause.message) : 'unreachable';
    throw new CliError('cli/url-unreachable', `cannot fetch ${url}: ${reason}; check the address and the network`, { cause });
  }
}

/** `null` when the answer is no redirect. */
function redirected({ status, headers, type }: Response, url: string): CliError | null {
  const location = headers.get('location');
  if (type !== 'opaqueredirect' && !(status >= 300 && status < 400 && location !== null)) return null;
  const target = location !== null && URL.canParse(location, url) ? new URL(location, url).href : 'another address';
  return new CliError(
    'cli/url-redirected',
    `expected evidence at ${url}, got a redirect to ${target.slice(0, MOST_SHOWN)}; it was not followed, give that address if you trust it`,
  );
}
