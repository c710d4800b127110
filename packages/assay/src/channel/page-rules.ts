/** Whether the platform holds requests to the rules of web pages. */

/** True in browsers, whose `Request` drops headers that pages may not set; false in Node, whose `Request` keeps them. */
export const PAGE_RULES: boolean = !new Request('http://enclave.invalid', {
  headers: { 'accept-charset': 'utf-8' },
}).headers.has('accept-charset');
