/**
 * Whether a browser kept a page from an agent of another address. Browsers give pages the same error for that and for a server that is
 * absent; a request whose answer the page may not read tells the two apart.
 */

const PATIENCE_MS = 5000;

/** The page's own origin; `null` outside of browsers. */
export function pageOrigin(): string | null {
  const { location } = globalThis as { readonly location?: { readonly origin?: string } };
  return location?.origin ?? null;
}

/**
 * True when something answers at `url`, and the page may not read it.
 * @param page the page's own origin; `null` outside of browsers, where nothing is blocked.
 */
export async function isBlockedByBrowser(url: URL, page: string | null = pageOrigin(), send = fetch): Promise<boolean> {
  if (page === null || page === url.origin) return false;
  try {
    await send(new URL('/health', url), { mode: 'no-cors', credentials: 'omit', signal: AbortSignal.timeout(PATIENCE_MS) });
    return true;
  } catch {
    return false;
  }
}
