/** Requests of web pages to a server on loopback are told from those of programs: by Host, Origin, Sec-Fetch-Site and content type. */

import { expect, test } from 'vitest';
import { isLoopbackName, LOCAL_REFUSALS, type LocalRequest, localRefusal, localRequestOf } from './local-request.ts';

const PROGRAM: LocalRequest = {
  method: 'POST',
  host: '127.0.0.1:8788',
  origin: null,
  contentType: 'application/json',
  fetchSite: null,
};

test.each<[string, Partial<LocalRequest>]>([
  ['a program', {}],
  ['a program with a charset', { contentType: 'application/json; charset=utf-8' }],
  ['a suffix type', { contentType: 'application/problem+json' }],
  ['a name', { host: 'localhost:8788' }],
  ['a name in capitals', { host: 'LocalHost:8788' }],
  ['IPv6', { host: '[::1]:8788' }],
  ['no port', { host: '127.0.0.1' }],
  ['the own page', { origin: 'http://127.0.0.1:8788', fetchSite: 'same-origin' }],
  ['an address typed by the user', { method: 'GET', contentType: null, fetchSite: 'none' }],
  ['a list', { method: 'GET', contentType: null }],
  ['the public name', { host: 'agent.example', origin: 'https://agent.example' }],
])('%s is let in', (_, change) => {
  expect(localRefusal({ ...PROGRAM, ...change }, 'agent.example')).toBeNull();
});

test.each<[string, Partial<LocalRequest>, keyof typeof LOCAL_REFUSALS]>([
  ['another name (DNS rebinding)', { host: 'evil.example:8788' }, 'foreign-host'],
  ['a name that begins like loopback', { host: '127.0.0.1.evil.example' }, 'foreign-host'],
  ['a name that ends like it', { host: 'evil-localhost' }, 'foreign-host'],
  ['no Host', { host: null }, 'foreign-host'],
  ['an empty Host', { host: '' }, 'foreign-host'],
  ['a page elsewhere', { origin: 'https://evil.example' }, 'foreign-origin'],
  ['a page on another port', { origin: 'http://127.0.0.1:3000' }, 'foreign-origin'],
  ['the opaque origin', { origin: 'null' }, 'foreign-origin'],
  ['an origin without a host', { origin: 'file://' }, 'foreign-origin'],
  ['a link from elsewhere', { method: 'GET', contentType: null, fetchSite: 'cross-site' }, 'foreign-origin'],
  ['a frame of a neighbour', { fetchSite: 'same-site' }, 'foreign-origin'],
  ['text, which pages post unasked', { contentType: 'text/plain' }, 'foreign-content-type'],
  ['a form', { contentType: 'application/x-www-form-urlencoded' }, 'foreign-content-type'],
  ['a form with files', { contentType: 'multipart/form-data; boundary=x' }, 'foreign-content-type'],
  ['no type', { contentType: null }, 'foreign-content-type'],
  ['a type that only begins like JSON', { contentType: 'application/jsonx' }, 'foreign-content-type'],
  ['JSON as a parameter', { contentType: 'text/plain; application/json' }, 'foreign-content-type'],
])('%s is refused', (_, change, refusal) => {
  expect(localRefusal({ ...PROGRAM, ...change }, 'agent.example')).toBe(refusal);
  expect(LOCAL_REFUSALS[refusal]).toMatch(/; /);
});

test('the marks are read from a request', () => {
  const headers = { host: 'a', origin: 'b', 'content-type': 'c', 'sec-fetch-site': 'd' };
  const request = { method: 'POST', headers: new Headers(headers) };
  expect(localRequestOf(request)).toEqual({ method: 'POST', host: 'a', origin: 'b', contentType: 'c', fetchSite: 'd' });
});

test.each([
  ['localhost', true],
  ['127.0.0.1', true],
  ['127.9.9.9', true],
  ['::1', true],
  ['0.0.0.0', false],
  ['localhost.evil.example', false],
  ['127.0.0.1.evil.example', false],
])('%s is loopback: %s', (name, expected) => {
  expect(isLoopbackName(name)).toBe(expected);
});
