/** What is blocked by a browser, and what is simply not there. In a real Chromium: tests/browser/cross-origin.test.ts. */

import { expectAdvice } from '@assay/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { isBlockedByBrowser } from './browser-block.ts';
import { createWire } from './wire.ts';

const AGENT = new URL('https://agent.example/v1/aci/attestation');
const PAGE = 'https://app.example';
const answers: typeof fetch = async () => new Response('opaque');
const unanswered: typeof fetch = () => Promise.reject(new TypeError('Failed to fetch'));

afterEach(() => vi.unstubAllGlobals());

describe('isBlockedByBrowser', () => {
  test.each<readonly [string, string | null, typeof fetch, boolean]>([
    ['a page elsewhere, something answers', PAGE, answers, true],
    ['a page elsewhere, no answer', PAGE, unanswered, false],
    ["the agent's own page", AGENT.origin, answers, false],
    ['no page', null, answers, false],
  ])('%s', async (_, page, send, expected) => expect(await isBlockedByBrowser(AGENT, page, send)).toBe(expected));

  test('asks for nothing that could be read or changed, and sends nothing along', async () => {
    const asked: [string, RequestInit | undefined][] = [];
    await isBlockedByBrowser(AGENT, PAGE, async (url, init) => {
      asked.push([String(url), init]);
      return new Response();
    });
    expect(asked).toMatchObject([['https://agent.example/health', { mode: 'no-cors', credentials: 'omit' }]]);
    expect(asked[0]?.[1]?.method).toBeUndefined();
  });
});

describe('a request of a page', () => {
  const onPage = (blockedAnswer: boolean): void => {
    vi.stubGlobal('location', { origin: PAGE });
    vi.stubGlobal('fetch', ((_, init) =>
      init?.mode === 'no-cors' && blockedAnswer ? answers('') : unanswered('')) as typeof fetch);
  };

  test('that the browser blocks ends in client/blocked-by-browser', async () => {
    onPage(true);
    const error = await createWire(undefined)({ url: AGENT }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'client/blocked-by-browser', kind: 'refused', details: { page: PAGE } });
    const words = ['blocked by the browser', 'ask the operator for ASSAY_ALLOWED_ORIGINS=https://app.example'];
    expectAdvice((error as Error).message, [AGENT.origin, ...words]);
  });

  test('an address without an answer stays unreachable', async () => {
    onPage(false);
    await expect(createWire(undefined)({ url: AGENT })).rejects.toMatchObject({ code: 'client/agent-unreachable' });
  });

  test("through the caller's own fetch is not looked into", async () => {
    onPage(true);
    await expect(createWire(unanswered)({ url: AGENT })).rejects.toMatchObject({ code: 'client/agent-unreachable' });
  });
});
