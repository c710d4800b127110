/** Recognises services by where they are. */

/** Whether an address is one of `domains` or below it. */
export function below(domains: readonly string[]): (url: URL) => boolean {
  return ({ hostname }) => domains.some((domain) => hostname === domain || hostname.endsWith(`.${domain}`));
}
