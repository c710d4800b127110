/** An audit summary exists only for a deployment that is exactly what was audited, and is the typed data of ERC-7512. */

import { summaryTypedData } from '@assay/contracts';
import { recoverSigner, signDigest, typedDataHash } from '@assay/operator';
import { describe, expect, it } from 'vitest';
import { type SummaryOptions, summaryOf } from './audit-summary.ts';
import type { ContractCheck } from './check.ts';
import { ChainRpc } from './rpc.ts';

const ADDRESS = `0x${'Ab'.repeat(20)}`;
const AUDIT = {
  ...{ hash: `sha256:${'11'.repeat(32)}`, passed: true, policy: 'default', uncounted: 0, dependencies: [] },
  ...{ analyzer: 'slither-analyzer 0.11.6', keysetDigest: `sha256:${'22'.repeat(32)}`, issuedAt: 1_800_000_000 },
};
const BUILD = { audit: AUDIT, receiptId: 'r-1' } as unknown as SummaryOptions['build'];
const FOUND = { address: ADDRESS, level: 'exact', proxies: [], parts: [], libraries: [] } as unknown as ContractCheck;

function options(more: Partial<SummaryOptions> = {}, chainId: unknown = '0x1'): SummaryOptions {
  const answer = async (_: unknown, init?: RequestInit): Promise<Response> =>
    new Response(JSON.stringify({ id: JSON.parse(String(init?.body)).id, result: chainId }));
  const rpc = new ChainRpc(new URL('http://chain.invalid/'), { fetch: answer, signal: new AbortController().signal });
  return { build: BUILD, rpc, chainId: 1, simulated: false, ...more };
}

const audited = (audit: unknown): Partial<SummaryOptions> => ({ build: { ...BUILD, audit } as SummaryOptions['build'] });
const library = (counts: boolean, checked: unknown) => ({ library: 'M.sol:M', address: ADDRESS, counts, checked });

describe('no summary', () => {
  it.each<[string, object, Partial<SummaryOptions>, unknown, RegExp]>([
    ['without an audit', {}, audited(null), '0x1', /expected an audit in the bundle, got none/],
    ['of an audit that failed', {}, audited({ ...AUDIT, passed: false }), '0x1', /got one that failed/],
    ['at match', { level: 'match' }, {}, '0x1', /expected the level identical or exact, got match/],
    ['at no match', { level: 'no match' }, {}, '0x1', /got no match/],
    ['with an unchecked library', { libraries: [library(false, null)] }, {}, '0x1', /got M\.sol:M unchecked/],
    [
      'with one below a library',
      { libraries: [library(true, { libraries: [library(false, null)] })] },
      {},
      '0x1',
      /got M\.sol:M unchecked/,
    ],
    [
      'with an unchecked proxy',
      { parts: [{ role: 'proxy', counts: false, checked: { address: ADDRESS } }] },
      {},
      '0x1',
      /got the proxy at 0x/,
    ],
    ['of a proxy that can lead elsewhere', { proxies: [{ kind: 'EIP-1967', target: ADDRESS }] }, {}, '0x1', /EIP-1967/],
    ['of an account that can delegate elsewhere', { proxies: [{ kind: 'EIP-7702', target: ADDRESS }] }, {}, '0x1', /EIP-7702/],
    ['on another chain', {}, {}, '0x5', /expected an RPC of chain 1, got one that says "0x5"/],
    ['on a chain that is no number', {}, {}, { id: 1 }, /expected an RPC of chain 1/],
  ])('%s', async (_, found, more, chainId, message) => {
    const refused = summaryOf({ ...FOUND, ...found } as ContractCheck, options(more, chainId));
    await expect(refused).rejects.toMatchObject({ code: 'cli/no-summary', kind: 'refused' });
    await expect(refused).rejects.toThrow(message);
  });
});

describe('a summary', () => {
  it('names audit, chain and address, and whether it rests on a simulator', async () => {
    const { message, primaryType } = await summaryOf(FOUND, options({ auditUri: 'ipfs://bundle' }));
    expect([primaryType, message]).toEqual([
      'AuditSummary',
      {
        auditor: {
          ...{ name: 'slither-analyzer 0.11.6 at an attested agent', uri: `urn:assay:keyset:sha256:${'22'.repeat(32)}` },
          authors: [],
        },
        ...{ issuedAt: '1800000000', ercs: [], auditHash: `0x${'11'.repeat(32)}`, auditUri: 'ipfs://bundle' },
        auditedContract: { chainId: `0x${'1'.padStart(64, '0')}`, deployment: ADDRESS.toLowerCase() },
      },
    ]);
    const fixed = await summaryOf(
      { ...FOUND, level: 'identical', proxies: [{ kind: 'EIP-1167', target: ADDRESS }] },
      options({ simulated: true }),
    );
    expect(fixed.message.auditor.name).toMatch(/^SIMULATED: /);
    expect(fixed.message.auditUri).toBe('urn:assay:receipt:r-1');
  });

  it('hashes to something else when any member differs, and recovers its signer', async () => {
    const facts = {
      ...{ analyzer: 'a', keysetDigest: 'k', receiptId: 'r', issuedAt: 1, auditHash: AUDIT.hash, chainId: 1 },
      ...{ address: ADDRESS, auditUri: 'u', simulated: false },
    };
    const others = [
      ...[{ analyzer: 'b' }, { keysetDigest: 'l' }, { issuedAt: 2 }, { auditHash: `sha256:${'12'.repeat(32)}` }],
      ...[{ chainId: 2 }, { address: `0x${'cd'.repeat(20)}` }, { auditUri: 'v' }, { simulated: true }],
    ];
    const hashes = [facts, ...others.map((each) => ({ ...facts, ...each }))].map((each) =>
      typedDataHash(summaryTypedData(each)),
    );
    expect(new Set(hashes).size).toBe(hashes.length);
    const [hash = '0x', other = '0x'] = hashes;
    const signature = signDigest(Buffer.from(hash.slice(2), 'hex'), new Uint8Array(32).fill(1));
    expect(recoverSigner(hash, signature)).toBe('0x1a642f0e3c3af545e7acbd38b07251b3990914f1');
    expect(recoverSigner(other, signature)).not.toBe('0x1a642f0e3c3af545e7acbd38b07251b3990914f1');
  });
});
