/** The task `attested_build` as clients see it: results, hashes, receipt, refusals. */

import { createHash } from 'node:crypto';
import { canonicalJson } from '@assay/encoding/json';
import { eventsOf, resultStatementText } from '@assay/receipt';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCompilers } from '../../packages/agent/src/adapters/compilers/compilers.ts';
import type { Compilers } from '../../packages/agent/src/ports/compilers.ts';
import { startTestAgent, type TestAgent } from '../e2e/agent.ts';
import { compilersFolder } from './installed.ts';

const TOKEN = 'pragma solidity ^0.8.0;\nimport "./Owned.sol";\ncontract Token is Owned { uint256 public supply = 7; }\n';
const OWNED = 'pragma solidity ^0.8.0;\ncontract Owned { address public immutable owner = msg.sender; }\n';

let compilers: Compilers;
beforeAll(async () => {
  compilers = openCompilers({ folder: await compilersFolder('0.8.20', '0.8.24') });
}, 300_000);
afterAll(() => compilers?.close());

const agentWith = (more: object = {}): Promise<TestAgent> => startTestAgent({ compilers, ...more });
const contracts = [
  { name: 'Token', code: TOKEN },
  { name: 'Owned', code: OWNED },
];
const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');

interface Built {
  readonly buildHash: string;
  readonly solcVersion: string;
  readonly artifacts: Readonly<Record<string, { readonly bytecode: string; readonly hash: string }>>;
  readonly attestationQuote: Readonly<Record<string, string>>;
}
const builtOf = (body: Readonly<Record<string, unknown>>): Built => body.result as Built;

describe("the origin's members", () => {
  it('are there, and true', async () => {
    const agent = await agentWith();
    const nonce = 'ab'.repeat(32);
    const { status, body } = await agent.process({ type: 'attested_build', contracts }, { nonce });
    expect([status, body.error ?? null, body.success]).toEqual([200, null, true]);
    const { buildHash, solcVersion, artifacts, attestationQuote } = builtOf(body);
    expect(solcVersion).toBe('0.8.24');
    expect(Object.keys(artifacts)).toEqual(['Owned', 'Token']);
    const bytecode = Buffer.from(artifacts.Token?.bytecode.slice(2) ?? '', 'hex');
    expect(createHash('sha256').update(bytecode).digest('hex')).toBe(artifacts.Token?.hash);
    expect(sha256(canonicalJson(body.build))).toBe(buildHash);
    const digest = attestationQuote.workload_keyset_digest as `sha256:${string}`;
    expect(attestationQuote.statement).toBe(resultStatementText(digest, nonce, `sha256:${buildHash}`));
    expect(sha256(attestationQuote.statement ?? '')).toBe(attestationQuote.report_data);
    const [event] = eventsOf(agent.ledger.sealed.at(-1)?.receipt.event_log ?? [], 'contract.built');
    expect(event).toMatchObject({
      build_hash: `sha256:${buildHash}`,
      contracts: 2,
      compiler: '0.8.24+commit.e11b9ed9.Emscripten.clang',
    });
  });

  it('hash to the same from every form of the same project', async () => {
    const agent = await agentWith();
    const sources = { 'Token.sol': TOKEN, 'Owned.sol': OWNED };
    const zip = Buffer.from(
      zipSync({ 'Token.sol': Buffer.from(TOKEN), 'Owned.sol': Buffer.from(OWNED), 'README.md': Buffer.from('x') }),
    );
    const settings = { optimizer: { enabled: true, runs: 200 } };
    const forms = [
      { contracts },
      { sources },
      { archive_base64: zip.toString('base64') },
      {
        standard_json: {
          language: 'Solidity',
          sources: Object.fromEntries(contracts.map(({ name, code }) => [`${name}.sol`, { content: code }])),
          settings,
        },
      },
      { contracts, solc_version: '0.8.24', optimizer_runs: 200 },
    ];
    const hashes = [];
    for (const form of forms) hashes.push(builtOf((await agent.process({ type: 'attested_build', ...form })).body).buildHash);
    expect(new Set(hashes).size).toBe(1);
    const others = [
      { contracts, solc_version: '0.8.20' },
      { contracts, optimizer_runs: 201 },
      { contracts, evm_version: 'paris' },
      { contracts, optimizer: false },
    ];
    for (const other of others)
      hashes.push(builtOf((await agent.process({ type: 'attested_build', ...other })).body).buildHash);
    expect(new Set(hashes).size).toBe(1 + others.length);
  });

  it('of two contracts of one name are told apart by their sources', async () => {
    const agent = await agentWith();
    const code = 'pragma solidity 0.8.24; contract Same {}';
    const { body } = await agent.process({ type: 'attested_build', sources: { 'a.sol': code, 'b.sol': code } });
    expect(Object.keys(builtOf(body).artifacts as object).sort()).toEqual(['a.sol:Same', 'b.sol:Same']);
  });

  it('of a source that came with a syntax tree of another are those of the source', async () => {
    const agent = await agentWith();
    const sources = (more: object) => ({ 'A.sol': { content: OWNED, ...more } });
    const input = (more: object) => ({ language: 'Solidity', sources: sources(more), settings: {} });
    const hashes = [];
    for (const more of [{}, { ast: { nodeType: 'SourceUnit', nodes: [] } }])
      hashes.push(builtOf((await agent.process({ type: 'attested_build', standard_json: input(more) })).body).buildHash);
    expect(hashes[1]).toBe(hashes[0]);
    expect(hashes[0]).toMatch(/^[0-9a-f]{64}$/);
  });

  it('come without the TEE, which is then said', async () => {
    const agent = await agentWith({ brokenTee: true });
    const { body } = await agent.process({ type: 'attested_build', contracts });
    expect(builtOf(body).attestationQuote).toMatchObject({ code: 'attester/unavailable' });
  });
});

describe('what cannot be built', () => {
  const bomb = (): string =>
    Buffer.from(zipSync({ 'A.sol': new Uint8Array(40 * 1024 * 1024) }, { level: 9 })).toString('base64');
  const zipOf = (name: string, text = 'contract A {}'): string =>
    Buffer.from(zipSync({ [name]: Buffer.from(text) })).toString('base64');

  it.each([
    ['no sources', {}, 'task/bad-input'],
    ['two forms', { contract_code: 'contract A {}', contracts }, 'task/bad-input'],
    ['one name twice', { contracts: [...contracts, { name: 'Token.sol', code: '' }] }, 'task/bad-input'],
    ['no base64', { archive_base64: '!' }, 'task/bad-input'],
    ['no zip', { archive_base64: Buffer.from('hello').toString('base64') }, 'task/bad-input'],
    ['a name that leads out of the zip', { archive_base64: zipOf('../../A.sol') }, 'task/bad-input'],
    ['a zip that unpacks to too much', { archive_base64: bomb() }, 'task/bad-input'],
    [
      'text that is no UTF-8',
      { archive_base64: Buffer.from(zipSync({ 'A.sol': Uint8Array.of(255) })).toString('base64') },
      'task/bad-input',
    ],
    ['an empty project', { archive_base64: zipOf('README.md') }, 'project/empty'],
    ['a missing import', { archive_base64: zipOf('A.sol', 'import "./B.sol";') }, 'project/import-missing'],
    ['a path that leads out', { sources: { '../A.sol': 'contract A {}' } }, 'project/bad-path'],
    ['a source of 5 MB', { contract_code: 'x'.repeat(5_000_000) }, 'task/bad-input'],
    [
      'a source by address',
      { standard_json: { language: 'Solidity', sources: { 'A.sol': { urls: ['ipfs://x'] } } } },
      'project/malformed',
    ],
    [
      'a syntax tree in place of a source',
      { standard_json: { language: 'SolidityAST', sources: { 'A.sol': { ast: {} } } } },
      'project/malformed',
    ],
    ['a sealed channel that is none', { contracts, encrypted: true }, 'channel/not-sealed'],
  ])('%s', async (_, data, code) => {
    const agent = await agentWith();
    const { status, body } = await agent.process({ type: 'attested_build', ...data });
    expect([body.code, status >= 400 && status < 500]).toEqual([code, true]);
    expect(body.error).toMatch(/expected|asks for|imports|leaves/);
  });

  it('without the compiler it needs is unavailable, as an audit without Slither is', async () => {
    const agent = await agentWith();
    const { status, body } = await agent.process({ type: 'attested_build', contracts, solc_version: '0.8.1' });
    expect([status, body.code]).toEqual([503, 'project/pragma-unmet']);
    expect(body.error).toMatch(/assay solc add 0\.8\.1/);
  });

  it.each([
    [
      'a pragma that no compiler here meets',
      { contract_code: 'pragma solidity 0.8.1; contract A {}' },
      /assay solc add 0\.8\.1$/,
    ],
    ['0.4.11, which cannot be added', { contract_code: 'pragma solidity 0.4.11; contract A {}' }, /name 0\.4\.12 or newer/],
    ['0.4.11 by name', { contracts, solc_version: '0.4.11' }, /name 0\.4\.12 or newer/],
  ])('%s is unavailable', async (_, data, words) => {
    const agent = await agentWith();
    const { status, body } = await agent.process({ type: 'attested_build', ...data });
    expect([status, body.code]).toEqual([503, 'project/pragma-unmet']);
    expect(body.error).toMatch(words);
  });

  it.each([
    ['what is no Solidity', 'hello world', /ParserError/],
    ['a missing semicolon, with line and caret', 'contract A {\n  uint x\n}', /A?Contract\.sol:3:1[\s\S]*\^/],
    ['an import that was not sent', 'import "./B.sol"; contract A {}', /B\.sol/],
    ['an unknown type', 'contract A { nope x; }', /Identifier not found/],
  ])('%s', async (_, contract_code, words) => {
    const agent = await agentWith();
    const { status, body } = await agent.process({ type: 'attested_build', contract_code });
    expect([status, body.success, body.error_code, body.result]).toEqual([200, false, 'contract/compile-failed', null]);
    expect(body.error).toMatch(words);
    expect(eventsOf(agent.ledger.sealed.at(-1)?.receipt.event_log ?? [], 'contract.built')).toEqual([]);
  });
});
