/**
 * Where the console lives. An agent may stand below a path (`https://example.org/assay/`), so every address is made here, from that of
 * the script that runs: `<base>/assets/<name>.js`.
 */

function baseOf(script: HTMLScriptElement | null): URL {
  return new URL(script === null ? '.' : '../', script === null ? location.href : script.src);
}

/** The agent's own address; ends in a slash. */
export const BASE: URL = baseOf(document.querySelector<HTMLScriptElement>('script[type=module][src]'));

/**
 * Path of a page of the console, for links.
 * @example <a href={pathTo(`receipts/${id}`)}>receipt</a>
 */
export function pathTo(page: string): string {
  return new URL(page, BASE).pathname;
}

/**
 * There is no agent behind the page: it came from a plain file server (`verify.html`), where it makes no request, or from
 * `assay compare --live` (`comparison.html`).
 */
export const STANDALONE: boolean = /\/(?:verify|comparison)\.html$/.test(location.pathname);
