/** What the command line refuses, each by its cause: exit code, an `error:` line with the code, and a `hint:` line that says what to do. */

import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePem } from '@assay/encoding/pem';
import { MAX_BUNDLE_BYTES } from '@assay/receipt';
import {
  expectAdvice,
  expectRefusal,
  FAKE_NOW,
  fakeNitroDocument,
  sealedAgent,
  type TranscriptOptions,
  transcript,
} from '@assay/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeFileOf } from './destination.ts';
import { run } from './program.ts';

const MOST = 64 * 1024 * 1024;
let cwd = '';
let taken: Server;

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'assay-cli-refusals-'));
  const { document, chain } = await fakeNitroDocument();
  const root = encodePem('CERTIFICATE', chain.root.der);
  const pcrs = new Map(Array.from({ length: 16 }, (_, index) => [index, new Uint8Array(48)] as const));
  const debuggable = await fakeNitroDocument({ chain, fields: { pcrs } });
  await Promise.all([
    writeFile(join(cwd, 'good.cose'), document),
    writeFile(join(cwd, 'debug.cose'), debuggable.document),
    writeFile(join(cwd, 'root.pem'), root),
    writeFile(join(cwd, 'noise.bin'), Uint8Array.of(1, 2, 3)),
    writeFile(join(cwd, 'two-roots.pem'), `${root}${root}`),
    writeFile(join(cwd, 'sparse.bin'), ''),
    mkdir(join(cwd, 'folder')),
    mkdir(join(cwd, 'many')),
  ]);
  await truncate(join(cwd, 'sparse.bin'), MAX_BUNDLE_BYTES + 1);
  await Promise.all(Array.from({ length: 1025 }, (_, index) => writeFile(join(cwd, 'many', `${index}.crl`), 'x')));
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  taken.close();
  await rm(cwd, { recursive: true, force: true });
});

type More = Partial<Pick<TranscriptOptions, 'stdin' | 'env' | 'fetch'>>;

/** Runs a command that is to fail with `code`: one error line, one hint, nothing on standard output but what came before. */
async function refuse(args: readonly string[], code: string, exit: number, words: readonly string[], more: More = {}) {
  const io = transcript({ cwd, now: FAKE_NOW, ...more });
  const status = await run(args, io);
  const [, what = '', named, hint = ''] = /^error: (.+) \[([a-z/-]+)\]\nhint: (.+)\n$/m.exec(io.err()) ?? [];
  expect([status, named], io.err()).toEqual([exit, code]);
  expectAdvice(`${what}; ${hint}`, words);
  return io;
}

const never: typeof fetch = () => Promise.reject(new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') }));
const always =
  (body: BodyInit | null, init: ResponseInit = {}): typeof fetch =>
  async () =>
    new Response(body, init);

describe('cli/evidence-refused', () => {
  const init = ['policy', 'init', '--from', 'debug.cose', '--simulated-root', 'root.pem'];

  it('of a debuggable enclave, until told', async () => {
    await refuse(init, 'cli/evidence-refused', 5, ['policy.debug', 'on', '--allow-debug']);
    const io = transcript({ cwd, now: FAKE_NOW });
    expect(await run([...init, '--allow-debug'], io)).toBe(0);
    expect(JSON.parse(io.out())).toMatchObject({ debug: 'allow' });
    expect(io.err()).toContain('keeps no secret');
  });
});

describe('cli/bad-option', () => {
  it.each<readonly [string, readonly string[], readonly string[]]>([
    ['an address that is none', ['receipt', '--url', 'localhost:8000'], ['--url', 'got "localhost:8000"']],
    ['an address of another kind', ['bundle', 'rcpt_1', '--url', 'ftp://agent'], ['http or https', 'got "ftp://agent"']],
    ['an agent that is no address', ['ask', 'my agent', 'hello'], ['url: expected', 'got "my agent"']],
    ['an upstream that is no address', ['proxy', 'redpill'], ['upstream: expected', 'got "redpill"']],
    ['an upstream of no kind', ['proxy', 'https://a.example', '--kind', 'tor'], ['--kind', 'aci', 'got "tor"']],
    ['a port that is none', ['proxy', 'https://a.example', '--port', '70000'], ['0 to 65535', 'got 70000']],
    ['a channel that is none', ['proxy', 'https://a.example', '--channel', 'safe'], ['--channel', 'sealed', 'got "safe"']],
    ['another port that is none', ['mcp', '--http', 'eighty'], ['0 to 65535', 'got eighty']],
    ['companions that are arguments', ['verify', 'a.quote', 'b.json'], ['got 2: a.quote, b.json', '--collateral FILE']],
    ['evidence of an image that is an argument', ['measure', 'a.eif', 'b.cose'], ['got 2: a.eif, b.cose', '--compare FILE']],
    ['a task without quotes', ['run', 'add', '1'], ['got 2: add, 1', 'quotes']],
    ['odd hex', ['verify', 'good.cose', '--nonce', 'abc'], ['--nonce', 'got "abc"', 'two digits each']],
    ['a time that is none', ['verify', 'good.cose', '--at', 'noon'], ['--at', 'RFC 3339', 'got "noon"']],
    ['seconds that are none', ['verify', 'good.cose', '--max-age', 'soon'], ['--max-age', 'got "soon"', '600']],
    ['a key that is none', ['verify', 'good.cose', '--ear', 'noise.bin'], ['--ear', 'noise.bin', 'private JWK']],
    ['too many companions', ['verify', 'good.cose', '--collateral', 'many'], ['at most 1024', 'name fewer']],
    ['a language it has not', ['run', 'x', '--language', 'cobol'], ['python or javascript', 'got "cobol"']],
    ['context that is a list', ['run', 'x', '--context', '[1]'], ['--context', 'JSON object']],
    ['a short nonce', ['run', 'x', '--nonce', 'ab'], ['--nonce', '64 lower-case hex', 'openssl rand -hex 32']],
    ['retries in words', ['run', 'x', '--max-retries', 'many'], ['--max-retries', 'got "many"']],
  ])('%s', async (_, args, words) => {
    const io = await refuse(args, 'cli/bad-option', 1, words);
    expect(io.out()).toBe('');
  });

  it('a setting that is no address', async () => {
    const env = { ASSAY_PCCS_URL: 'intel' };
    await refuse(['collateral', 'fetch', 'good.cose'], 'cli/bad-option', 1, ['ASSAY_PCCS_URL', 'got "intel"'], { env });
  });

  it('a port that somebody else has', async () => {
    const { port } = taken.address() as AddressInfo;
    await refuse(['mcp', '--http', String(port)], 'cli/bad-option', 1, [`port ${port}`, 'EADDRINUSE', 'take another']);
  });
});

describe('files', () => {
  it.each<readonly [string, readonly string[], readonly string[]]>([
    ['that is not there', ['verify', 'absent.bin'], ['absent.bin', 'ENOENT']],
    ['that is a folder', ['verify', 'folder'], ['folder', 'got a folder']],
    ['of a policy', ['verify', 'good.cose', '--policy', 'absent.json'], ['absent.json', 'ENOENT']],
    ['of a root', ['verify', 'good.cose', '--root', 'absent.pem'], ['absent.pem', 'ENOENT']],
    ['for the code', ['run', 'x', '--file', 'absent.csv'], ['absent.csv', 'ENOENT', 'check the path']],
    ['with a slip in its name', ['verify', './goood.cose'], ['./goood.cose', 'did you mean good.cose?']],
    ['with a slip, for the code', ['run', 'x', '--file', 'noise.bim'], ['did you mean noise.bin?']],
  ])('cli/file-unreadable: one %s', async (_, args, words) => {
    await refuse(args, 'cli/file-unreadable', 1, words);
  });

  it.each<readonly [string, readonly string[], readonly string[]]>([
    ['a bundle below a file', ['bundle', 'rcpt_1', '-o', 'noise.bin/b.json'], ['noise.bin/b.json', 'check the folder']],
    ['a bundle onto a folder', ['bundle', 'rcpt_1', '-o', 'folder'], ['folder', 'EISDIR']],
    ['collateral into no folder', ['collateral', 'pack', 'good.cose', '-o', 'none/c.json'], ['none/c.json', 'ENOENT']],
  ])('cli/file-unwritable: %s', async (_, args, words) => {
    await refuse(args, 'cli/file-unwritable', 1, words, await agentThat(() => Response.json({ format: 'assay-bundle/1' })));
  });

  it('cli/file-unwritable: a proof below a file', async () => {
    const io = transcript({ cwd, now: FAKE_NOW });
    const written = writeFileOf(io, 'noise.bin/proof.json', Uint8Array.of(1));
    await expectRefusal(written, 'cli/file-unwritable', ['noise.bin/proof.json', 'check the folder']);
  });

  it.each<readonly [string, readonly string[], readonly string[], number, () => More]>([
    ['a file', ['verify', 'sparse.bin'], ['sparse.bin'], MAX_BUNDLE_BYTES, () => ({})],
    ['standard input', ['inspect', '-'], ['standard input'], MOST, () => ({ stdin: new Uint8Array(MOST + 1) })],
    [
      'a URL',
      ['verify', 'https://evidence.example/quote.bin'],
      ['https://evidence.example/quote.bin'],
      MOST,
      () => ({ fetch: always(new Uint8Array(MOST + 1)) }),
    ],
  ])('cli/input-too-large: %s', async (_, args, words, most, more) => {
    await refuse(args, 'cli/input-too-large', 2, [...words, `${most} bytes`, 'check the file'], more());
  });

  it.each<readonly [string, readonly string[], readonly string[]]>([
    ['noise', ['verify', 'good.cose', '--root', 'noise.bin'], ['noise.bin', 'X.509 certificates or public keys']],
    [
      'two of them',
      ['verify', 'good.cose', '--simulated-root', 'two-roots.pem'],
      ['two-roots.pem', 'one certificate or public key, got 2'],
    ],
    ['evidence', ['ask', 'https://a.example', 'x', '--simulated-root', 'good.cose'], ['good.cose', 'PEM, DER']],
  ])('cli/not-a-root: %s', async (_, args, words) => {
    await refuse(args, 'cli/not-a-root', 2, words);
  });
});

describe('addresses', () => {
  const url = 'https://evidence.example/quote.bin';
  it.each<readonly [string, typeof fetch, readonly string[]]>([
    ['no one listens', never, ['ECONNREFUSED', 'check the address and the network']],
    ['it is not there', always('', { status: 404 }), ['answers 404', 'check the address']],
    [
      'it breaks off',
      always(new ReadableStream({ start: (body) => body.error(new TypeError('terminated')) })),
      ['terminated', 'check the address'],
    ],
  ])('cli/url-unreachable: %s', async (_, fetch, words) => {
    await refuse(['verify', url], 'cli/url-unreachable', 4, [url, ...words], { fetch });
  });

  it.each([
    ['elsewhere', 302, { location: 'https://other.example/quote.bin?x=1' }, 'https://other.example/quote.bin?x=1'],
    ['to a place of the same host', 307, { location: '/moved' }, 'https://evidence.example/moved'],
    ['to plain HTTP', 301, { location: 'http://evidence.example/quote.bin' }, 'http://evidence.example/quote.bin'],
    ['to no address', 308, { location: 'http://' }, 'another address'],
  ])('cli/url-redirected: %s', async (_, status, headers, target) => {
    const asked: (string | undefined)[] = [];
    const fetch: typeof globalThis.fetch = async (_url, init) => {
      asked.push(init?.redirect);
      return new Response('the bytes', { status, headers: headers as HeadersInit });
    };
    await refuse(['verify', url], 'cli/url-redirected', 4, [url, `a redirect to ${target}`, 'if you trust it'], { fetch });
    expect(asked).toEqual(['manual']);
  });

  it('cli/agent-unreachable: no one listens', async () => {
    const args = ['receipt', '--url', 'http://127.0.0.1:1/'];
    const words = ['http://127.0.0.1:1', 'ECONNREFUSED', 'assay serve'];
    await refuse(args, 'cli/agent-unreachable', 4, words, { fetch: never });
  });

  const long = ' '.repeat(17 * 1024 * 1024);
  it.each<readonly [string, readonly string[], () => Response, readonly string[]]>([
    [
      'its own problem',
      ['receipt', 'rcpt_1'],
      () => Response.json({ title: 'Full', detail: 'the disk is full; try later' }, { status: 507 }),
      ['answers 507: the disk is full', '; try later'],
    ],
    [
      'a page',
      ['bundle', 'rcpt_1'],
      () => new Response('<h1>Bad\nGateway.</h1>\n', { status: 502 }),
      ['502: <h1>Bad Gateway.</h1>'],
    ],
    ['no word', ['receipt'], () => new Response(null, { status: 503 }), ['answers 503: no text']],
    ['no JSON', ['receipt'], () => new Response('<h1>'), ['no JSON object']],
    ['a document without end', ['receipt'], () => new Response(long), ['more than 16777216 bytes', 'ask for less']],
  ])('cli/agent-failed: a verified agent answers with %s', async (_, args, answer, words) => {
    const agent = await agentThat(answer);
    const io = await refuse(args, 'cli/agent-failed', 4, words, agent);
    expect(io.err()).not.toContain('a-secret-key');
  });

  it.each<readonly [string, number, object, string, number]>([
    ['under its code', 403, { code: 'operator/denied', detail: 'a rule denies it; ask its owners' }, 'operator/denied', 5],
    ['without a code', 403, { detail: 'a rule denies it; ask its owners' }, 'cli/agent-refused', 5],
    ['of an agent without owners', 404, { code: 'operator/absent', detail: 'no manifest; set one' }, 'operator/absent', 1],
  ])('a verified agent says no, %s', async (_, status, problem, code, exit) => {
    const agent = await agentThat(() => Response.json(problem, { status }));
    await refuse(['receipt', 'rcpt_1'], code, exit, [`answers ${status}`], agent);
  });

  it.each([
    ['receipt', 'rcpt_1'],
    ['bundle', 'rcpt_1'],
    ['tasks', 'show', 'task_1'],
    ['tasks', 'watch', 'task_1'],
    ['tasks', 'cancel', 'task_1'],
    ['keys', 'revoke', 'key_1'],
  ])('client/not-found: %s %s %s, which the agent does not have', async (...words) => {
    const args = words.filter((word) => word !== undefined);
    const agent = await agentThat(() => Response.json({ detail: 'nothing has this id; check it' }, { status: 404 }));
    const env = { ...agent.env, ASSAY_OPERATOR_KEY: 'the-operator-key' };
    await refuse(args, 'client/not-found', 1, ['answered 404: nothing has this id', '; check it'], { ...agent, env });
  });

  it('names the key that was probably meant', async () => {
    const agent = await agentThat(({ method }) =>
      method === 'DELETE'
        ? Response.json({ detail: 'expected the name of a key; GET /api/operator/keys shows them' }, { status: 404 })
        : Response.json({ keys: [{ name: 'team-b' }, { name: 'nightly' }] }),
    );
    await refuse(['keys', 'revoke', 'nigthly'], 'cli/bad-option', 1, ['did you mean nightly?'], agent);
    await refuse(['keys', 'revoke', 'another'], 'client/not-found', 1, ['assay keys list shows them'], agent);
  });

  it.each([
    ['at /api/receipts', 'list them at /api/receipts', 'list them with assay receipt'],
    ['at /api/tasks', 'list them at /api/tasks', 'list them with assay tasks list'],
    ['to fetch a model', 'POST /api/models/fetch begins', 'assay model fetch begins'],
    ['of keys', 'GET /api/operator/keys shows them', 'assay keys list shows them'],
    ['longer than a known one', 'list them at /api/receipts-of-others', 'list them at /api/receipts-of-others'],
  ])('names the command in place of a route %s', async (_, said, shown) => {
    const agent = await agentThat(() => Response.json({ detail: `nothing has this id; ${said}` }, { status: 404 }));
    await refuse(['receipt', 'rcpt_x'], 'client/not-found', 1, [shown], agent);
  });

  it.each<readonly [string, readonly string[], string]>([
    ['receipt', ['receipt'], 'ASSAY_API_KEY'],
    ['run', ['run', 'x', '--quiet'], 'ASSAY_API_KEY'],
    ['keys', ['keys', 'list'], 'ASSAY_OPERATOR_KEY'],
  ])('client/unauthorized: %s with a wrong key', async (_, args, setting) => {
    const agent = await agentThat(() => Response.json({ detail: 'wrong key; send another' }, { status: 401 }));
    const env = { ...agent.env, ASSAY_OPERATOR_KEY: 'a-wrong-operator-key' };
    const io = await refuse(args, 'client/unauthorized', 1, ['401: wrong key', `set ${setting} to a key of this agent`], {
      ...agent,
      env,
    });
    expect(io.err()).not.toMatch(/a-secret-key|a-wrong-operator-key|send another/);
  });

  it('client/task-lost: the agent stopped before the task was sealed', async () => {
    const agent = await agentThat(({ url, method }) => {
      if (method === 'POST') return Response.json({ status: 'running' }, { status: 202 });
      if (!url.endsWith('/events')) return Response.json({ status: 'interrupted' });
      const done =
        'data: {"type":"done","sequence":1,"at":1790000000000,"success":false,"status":"interrupted","error":null}\n\n';
      return new Response(done, { headers: { 'content-type': 'text/event-stream' } });
    });
    await refuse(['run', 'x', '--quiet'], 'client/task-lost', 4, ['it is interrupted', 'start it again'], agent);
  });

  it('client/attestation-refused: a stranger on this machine, and an agent elsewhere that is no TEE, get a nonce and no more', async () => {
    const { line, env, fetch } = await agentThat(() => Response.json({}));
    for (const args of [['run', 'my secret'], ['receipt'], ['bundle', 'rcpt_1'], ['operator', 'rotate-keys']]) {
      const io = transcript({ cwd, now: FAKE_NOW, env: { ...env, ASSAY_DATA_DIR: 'folder' }, fetch });
      expect(await run(args, io)).toBe(3);
      expect(io.out()).toContain('NOT AUTHENTIC');
    }
    for (const sent of line) expect(sent).toMatch(/^GET [^ ]+\/v1\/aci\/attestation\?nonce=[0-9a-f]{64} \[\] $/);
  });
});

/** An agent of this user on this machine, which answers inside its channel. */
async function agentThat(answer: (request: Request) => Response) {
  const agent = await sealedAgent({ answer });
  await mkdir(join(cwd, '.assay'), { recursive: true });
  await writeFile(join(cwd, '.assay/simulated-root.pem'), agent.rootPem);
  const env = { ASSAY_API_KEY: 'a-secret-key', ASSAY_OPERATOR_KEY: 'an-operator-key' };
  return { fetch: agent.fetch, line: agent.line, env };
}
