/** `ASSAY_ALLOWED_ORIGINS`: web pages of other addresses that may use the agent from a browser. */

import { Refusal } from './setting.ts';

const MOST = 32;

/**
 * The origins in the text of the setting, each as a browser writes it.
 * @example allowedOrigins('https://app.example, http://localhost:5173') // ['https://app.example', 'http://localhost:5173']
 */
export function allowedOrigins(setting: string): readonly string[] | Refusal {
  const entries = setting.split(',').map((entry) => entry.trim());
  if (entries.length > MOST) return new Refusal(`expected at most ${MOST} origins, got ${entries.length}; name fewer`);
  const origins: string[] = [];
  for (const entry of entries) {
    const origin = originOf(entry);
    if (origin === null)
      return new Refusal(
        `expected origins such as https://app.example, got ${JSON.stringify(entry.slice(0, 80))}; name each page's scheme, host and port, no path and no *`,
      );
    origins.push(origin);
  }
  return [...new Set(origins)];
}

/** `null` for anything with a path, a user, a wildcard, or of a scheme without origins. */
function originOf(entry: string): string | null {
  const url = URL.canParse(entry) ? new URL(entry) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname.includes('*')) return null;
  return url.href === `${url.origin}/` ? url.origin : null;
}
