/** What an assistant cannot do by the words it sends: leave the working directory, reach private addresses, or have the key sent elsewhere. */

import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FAKE_NOW, fakeNitroDocument, sealedAgent, transcript } from '@assay/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTools, type ToolResult, type ToolSettings } from './tools.ts';

let base = '';
let cwd = '';
let stranger: Server;
let origin = '';
const seen: string[] = [];

beforeAll(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'assay-mcp-rules-')));
  cwd = join(base, 'work');
  await mkdir(join(cwd, 'deep'), { recursive: true });
  await mkdir(join(base, 'work-not'));
  const { document } = await fakeNitroDocument();
  await writeFile(join(cwd, 'good.cose'), document);
  await writeFile(join(cwd, 'deep/good.cose'), document);
  await writeFile(join(base, 'secret.txt'), 'TOP SECRET');
  await writeFile(join(base, 'work-not/secret.txt'), 'TOP SECRET');
  await symlink(join(base, 'secret.txt'), join(cwd, 'link.txt'));
  await symlink(base, join(cwd, 'up'));
  await symlink(join(base, 'nothing'), join(cwd, 'dangling'));
  await symlink('good.cose', join(cwd, 'inner.cose'));
  stranger = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.authorization ?? ''}`);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ok"}');
  });
  await new Promise<void>((done) => stranger.listen(0, '127.0.0.1', done));
  origin = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
});

afterAll(async () => {
  stranger.close();
  await rm(base, { recursive: true, force: true });
});

function tools(settings: Partial<ToolSettings> = {}, fetch: typeof globalThis.fetch = globalThis.fetch) {
  const io = transcript({ cwd, now: FAKE_NOW, fetch });
  return createTools(io, { trust: {}, files: false, agent: null, apiKey: null, ...settings });
}

function codeOf({ content }: ToolResult): string | null {
  const { error, verdict } = JSON.parse(content[0]?.text ?? '{}');
  return error?.code ?? verdict?.error?.code ?? null;
}

describe('files', () => {
  const ask = (evidence: string, files = true) => tools({ files }).verifyEvidence({ evidence, encoding: 'file' });

  it.each(['good.cose', './good.cose', 'deep/good.cose', 'deep/../good.cose', 'inner.cose'])('%s is read', async (path) => {
    expect(codeOf(await ask(path))).toBe('certificate/root-not-trusted');
    expect(codeOf(await ask(join(cwd, path)))).toBe('certificate/root-not-trusted');
  });

  it.each([
    ['a parent', '../secret.txt'],
    ['a parent by a long way', 'deep/../../secret.txt'],
    ['a parent that is not there', '../nothing'],
    ['an absolute path', '/etc/hostname'],
    ['an absolute path that is not there', '/no/such'],
    ['a neighbour whose name begins alike', '../work-not/secret.txt'],
    ['a link that leads out', 'link.txt'],
    ['a folder link that leads out', 'up/secret.txt'],
    ['the folder itself', '.'],
  ])('cli/file-outside: %s', async (_, path) => {
    const result = await ask(path);
    expect(codeOf(result)).toBe('cli/file-outside');
    // The same words, whether or not something is there.
    expect(result).toEqual(await ask('../whatever'));
    expect(JSON.stringify(result)).not.toContain('SECRET');
  });

  it('cli/file-outside: as a companion', async () => {
    const input = { evidence: 'good.cose', encoding: 'file', companions: ['../secret.txt'] } as const;
    expect(codeOf(await tools({ files: true }).verifyEvidence({ ...input, companions: [...input.companions] }))).toBe(
      'cli/file-outside',
    );
  });

  it('a link to nowhere, and a server that reads no files', async () => {
    expect(codeOf(await ask('dangling'))).toBe('cli/file-unreadable');
    expect(codeOf(await ask('good.cose', false))).toBe('cli/bad-option');
  });
});

describe('addresses', () => {
  const receipt_id = `rcpt_${'a1'.repeat(16)}`;
  const calls: readonly (readonly [string, (url: string, settings?: Partial<ToolSettings>) => Promise<ToolResult>])[] = [
    ['verify_evidence', (evidence, settings) => tools(settings).verifyEvidence({ evidence, encoding: 'url' })],
    ['ask_agent', (url, settings) => tools(settings).askAgent({ url, question: 'hi' })],
    ['run_task', (url, settings) => tools(settings).runTask({ url, description: 'x', language: 'python' })],
    ['fetch_receipt', (url, settings) => tools(settings).fetchReceipt({ url, receipt_id })],
  ];

  it.each(calls)('%s reaches nothing private', async (_, call) => {
    seen.length = 0;
    const apiKey = 'sk-secret';
    const local = new URL(origin);
    for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '2130706433', '169.254.169.254', '10.0.0.1', '[::1]'])
      for (const agent of [null, new URL('https://agent.example')]) {
        const result = await call(`http://${host}:${local.port}/internal`, { agent, apiKey });
        expect([host, codeOf(result), result.isError]).toEqual([host, 'channel/address-refused', true]);
      }
    expect(seen).toEqual([]);
  });

  it.each(calls)('%s reaches the named agent, which gets no key before the verdict', async (_, call) => {
    seen.length = 0;
    const result = await call(origin, { agent: new URL(origin), apiKey: 'sk-secret' });
    expect(result.isError).toBe(true);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatch(/^GET [^ ]+ $/);
  });

  it('cli/bad-option: no address at all', async () => {
    for (const evidence of ['file:///etc/passwd', 'ftp://a.example', 'nonsense'])
      expect(codeOf(await tools().verifyEvidence({ evidence, encoding: 'url' }))).toBe('cli/bad-option');
  });
});

it('the key goes to the named agent alone, inside its channel', async () => {
  const keys: (string | null)[] = [];
  const agent = await sealedAgent({
    answer: (request) => {
      keys.push(request.headers.get('authorization'));
      return Response.json({ detail: 'enough' }, { status: 400 });
    },
  });
  const settings = { trust: { simulatedRoot: agent.root }, apiKey: 'sk-secret' };
  const ask = (named: string) =>
    tools({ ...settings, agent: new URL(named) }, agent.fetch).askAgent({ url: 'http://127.0.0.1:8000', question: 'hi' });
  expect(codeOf(await ask('http://127.0.0.1:8000'))).toBe('client/agent-refused');
  expect(keys).toEqual(['Bearer sk-secret']);
  expect(agent.line.join('\n')).not.toMatch(/sk-secret|authorization/i);
  for (const other of ['http://127.0.0.1:8001', 'https://127.0.0.1:8000', 'http://localhost:8000'])
    expect(codeOf(await ask(other))).toBe('channel/address-refused');
  expect(keys).toHaveLength(1);
});
