/**
 * The headers of an upstream's answer that its clients need: when to ask again, what is left of their limits, and the provider's own id of
 * the request. Nothing else goes on: cookies, hosts and names of the operator's account are not the client's.
 */

const PASSED = [
  /^(?:retry-after(?:-ms)?|x-should-retry|openai-(?:processing-ms|version))$/,
  /^(?:x-|anthropic-)?ratelimit-[a-z0-9-]{1,64}$/,
];
/** Names under which providers give their id. */
const REQUEST_ID = ['x-request-id', 'request-id', 'x-amzn-requestid', 'apim-request-id', 'x-ms-request-id'] as const;
const PRINTABLE = /^[\x20-\x7e]{1,256}$/;
const MOST = 48;

/**
 * @returns lower-case names; the provider's id as `x-request-id`, where SDKs look for it, and as `x-upstream-request-id`.
 * @example passedHeaders(new Headers({ 'retry-after': '33', 'set-cookie': 'a=b' })) // { 'retry-after': '33' }
 */
export function passedHeaders(headers: Headers | undefined): Readonly<Record<string, string>> {
  if (headers === undefined) return {};
  const passed = [...headers]
    .filter(([name, value]) => PASSED.some((form) => form.test(name)) && PRINTABLE.test(value))
    .slice(0, MOST);
  const id = REQUEST_ID.map((name) => headers.get(name) ?? '').find((value) => PRINTABLE.test(value));
  const ids = id === undefined ? [] : [['x-request-id', id] as const, ['x-upstream-request-id', id] as const];
  return Object.fromEntries([...passed, ...ids]);
}
