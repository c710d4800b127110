/** Names of sources as SARIF has them. */

/** A source's name as a URI below the project's folder. */
export function projectUri(source: string): string {
  return source.split('/').map(encodeURIComponent).join('/');
}
