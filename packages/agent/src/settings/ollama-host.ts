/** `OLLAMA_HOST`, read as Ollama's own tools read it (https://github.com/ollama/ollama, `envconfig.Host`). */

import { withoutTrailing } from '@assay/encoding/text-ends';
import { Refusal } from './setting.ts';

const OLLAMA_PORT = '11434';

/**
 * The URL to reach Ollama at. Without a port it is 11434, or that of the scheme when one is written. An address to listen on everywhere
 * (`0.0.0.0`, `::`) is reached on this machine.
 * @example parseOllamaHost('0.0.0.0') // 'http://127.0.0.1:11434'
 */
export function parseOllamaHost(text: string): string | Refusal {
  const given = text.trim();
  const hasScheme = /^https?:\/\//.test(given);
  const address = hasScheme ? given : `http://${/^:[0-9]+$/.test(given) ? `127.0.0.1${given}` : bracketed(given)}`;
  const url = URL.canParse(address) ? new URL(address) : null;
  const otherScheme = !hasScheme && given.includes('/');
  if (url === null || otherScheme || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    return new Refusal('expected a host, host:port, or an http:// or https:// URL without a user name or password in it');
  if (!hasScheme && !/:[0-9]+$/.test(withoutTrailing(address, '/'))) url.port = OLLAMA_PORT;
  if (url.hostname === '0.0.0.0') url.hostname = '127.0.0.1';
  if (url.hostname === '[::]') url.hostname = '[::1]';
  return withoutTrailing(url.href, '/');
}

/** A bare IPv6 address is written in brackets in URLs. */
function bracketed(host: string): string {
  return /^[0-9a-fA-F:]+$/.test(host) && host.split(':').length > 2 ? `[${host}]` : host;
}
