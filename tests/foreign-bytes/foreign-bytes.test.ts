/**
 * Bytes of others: every request that leaves the packages follows no redirect, and every body that comes in is read up to a bound. Both are
 * held by looking at the source, so that a new `fetch` or `.json()` does not slip in.
 */

import { globSync, readFileSync } from 'node:fs';
import { parseSync } from 'vite';
import { expect, it } from 'vitest';

const ROOT = new URL('../../', import.meta.url).pathname;

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [member: string]: unknown;
}

/** Calls in a source text: the name that is called, the text of its arguments, how many there are. */
function callsIn(
  name: string,
  source: string,
): readonly { readonly callee: string; readonly given: string; readonly count: number }[] {
  const found: { callee: string; given: string; count: number }[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) {
      for (const each of value) visit(each);
      return;
    }
    const node = value as Node;
    if (node.type === 'CallExpression') {
      const { start, end } = node.callee as Node;
      const { length } = node.arguments as readonly unknown[];
      found.push({ callee: source.slice(start, end).replace(/\n\s*/g, ''), given: source.slice(end, node.end), count: length });
    }
    for (const each of Object.values(node)) visit(each);
  };
  visit(parseSync(name, source).program);
  return found;
}

/** What carries requests: `fetch`, `io.fetch`, `patientFetch`, viem's transport `http`; the channels' own carriers are named in full. */
const CARRIES = /(?:^|\.)(?:fetch|patientFetch|undiciFetch)$|^http$/;
const UNFOLLOWED = /redirect: (?:'error'|'manual'|unfollowed\()/;
/** Zod's schema of JSON reads nothing. */
const WHOLE = /^(?!z\.json$).*\.(?:json|text|arrayBuffer|bytes|blob|formData)$/;

/** Calls that carry no request of the platform, or hand one on to a carrier that is looked at itself. */
const CARRIED_ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  // The application behind its own channels.
  'packages/agent/src/app.ts': ['app.fetch'],
  // The application, called with a request that came in.
  'packages/agent/src/listen.ts': ['fetch'],
  // The sealed channel of a verified agent; `wire.ts` is its only way out.
  'packages/assay/src/command-line/agent-api.ts': ['agent.fetch'],
  'packages/assay/src/connection/connect.ts': ['this.fetch'],
  'packages/assay/src/mcp/tools.ts': ['agent.fetch'],
  'packages/assay/src/proxy/aci-upstream.ts': ['agent.fetch'],
  'packages/web/src/state/agent-reader.ts': ['agent.fetch'],
  // Functions of that name that bring a model, by `fetchModel`.
  'packages/agent/src/adapters/models/embedded/local-models.ts': ['fetch'],
  'packages/agent/src/http/routes/local-models.ts': ['localModels.fetch'],
  'packages/assay/src/commands/model/embedded.ts': ['fetch'],
  // Takes its caller's arguments as they are.
  'packages/assay/src/proxy/service-upstream.ts': ['fetch'],
  'packages/assay/src/verification/verify.ts': ['fetch'],
  'packages/channel/src/tls/fetch-through.ts': ['client.fetch'],
  // The sandbox's own gateway, which never follows (network/http-exchange.ts).
  'packages/sandbox/src/native/execution.ts': ['this.#gateway.fetch'],
  'packages/sandbox/src/wasm/run-on-guest.ts': ['this.#gateway.fetch'],
};

/** Bodies that are bounded before they are read as a whole. */
const BOUNDED_BEFORE: Readonly<Record<string, readonly string[]>> = {
  // Decrypted already, by readers that are bounded.
  'packages/agent/src/http/channel/opened-request.ts': [
    'this.#real.arrayBuffer',
    'this.real().arrayBuffer',
    'this.real().text',
    'this.text',
  ],
  'packages/assay/src/channel/opened-response.ts': [
    'this.#real.arrayBuffer',
    'this.platform().arrayBuffer',
    'this.platform().text',
    'this.text',
  ],
  // A form whose bytes are here.
  'packages/agent/src/tasks/request-document.ts': [
    'new Response(new Uint8Array(bytes), { headers }).formData',
    'value.arrayBuffer',
  ],
  // The caller's own request, in the caller's own process.
  'packages/assay/src/channel/outgoing-request.ts': ['request.arrayBuffer'],
  // Files that the visitor picked.
  'packages/web/src/components/file-inputs.tsx': ['file.arrayBuffer'],
  'packages/web/src/components/signing-policy.tsx': ['event.currentTarget.files?.[0]?.text'],
  'packages/web/src/state/contract-draft.ts': ['file.text'],
  'packages/web/src/components/subject-input.tsx': ['file.arrayBuffer'],
  'packages/web/src/components/question-fields.tsx': ['file.arrayBuffer', 'event.currentTarget.files?.[0]?.text'],
  // Readers of bytes in memory with a method of the same name.
  'packages/agent/src/inference/served-stream.ts': ['this.#received.bytes'],
  'packages/agent/src/adapters/models/exchange.ts': ['buffer.bytes'],
  'packages/channel/src/ohttp/binary-http.ts': ['section.text', 'reader.text'],
  'packages/encoding/src/byte-buffer.ts': ['this.bytes'],
  'packages/ledger/src/tree.ts': ['tile.bytes', 'this.#tile(level, index).bytes'],
};

const sources = globSync('packages/*/src/**/*.{ts,tsx}', { cwd: ROOT }).filter(
  (path) =>
    !/\.test\.tsx?$/.test(path) &&
    // Stand-ins for tests, and programs that run inside of the sandbox.
    !path.startsWith('packages/testing/') &&
    !path.startsWith('packages/sandbox/src/wasm/guest/'),
);
const calls = sources.flatMap((path) => callsIn(path, readFileSync(ROOT + path, 'utf8')).map((call) => ({ path, ...call })));

it('no request follows a redirect', () => {
  expect(sources.length).toBeGreaterThan(400);
  const sent = calls.filter(({ callee, count }) => CARRIES.test(callee) && count > 0);
  const followed = sent.filter(
    ({ path, callee, given }) => !UNFOLLOWED.test(given) && CARRIED_ELSEWHERE[path]?.includes(callee) !== true,
  );
  expect(sent.length).toBeGreaterThan(10);
  expect(followed.map(({ path, callee }) => `${path}: ${callee}`)).toEqual([]);
});

it('no body is read without a bound', () => {
  const whole = calls.filter(({ callee, count }) => count === 0 && WHOLE.test(callee));
  const unbounded = whole.filter(({ path, callee }) => BOUNDED_BEFORE[path]?.includes(callee) !== true);
  expect(unbounded.map(({ path, callee }) => `${path}: ${callee}`)).toEqual([]);
});

it('nothing is excepted that is not there any more', () => {
  const there = new Set(calls.map(({ path, callee }) => `${path}: ${callee}`));
  const named = [CARRIED_ELSEWHERE, BOUNDED_BEFORE].flatMap((table) =>
    Object.entries(table).flatMap(([path, callees]) => callees.map((callee) => `${path}: ${callee}`)),
  );
  expect(named.filter((each) => !there.has(each))).toEqual([]);
});

it('finds what it looks for', () => {
  const names = (source: string): readonly string[] => callsIn('a.ts', source).map(({ callee }) => callee);
  expect(names('const a = await (await fetch(url, { method: "GET" })).json();')).toEqual([
    '(await fetch(url, { method: "GET" })).json',
    'fetch',
  ]);
  expect(names('createPublicClient({ transport: http(url) })')).toContain('http');
  expect(['io.fetch', 'fetch', 'http', 'prefetch', 'node.http'].map((name) => CARRIES.test(name))).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
});
