/** Checks of deployed code against an attested build: opened with `import()`. The chain is asked through the wallet of this browser. */

import type { VerifiedReceipt } from '@assay/receipt';
import {
  type AttestedBuild,
  type AuditSummary,
  attestedBuildIn,
  blockOf,
  ChainRpc,
  type ContractCheck,
  checkContract,
  signedSummary,
  summaryOf,
} from 'assay/contracts';
import { accountOf, signTyped, type WalletProvider } from '../state/wallet.ts';
import { fail } from './rpc-answer.ts';

export { attestedBuildIn };

/** Its requests never leave: the wallet answers them. */
const NOWHERE = new URL('http://wallet.invalid/');

/**
 * Compares the code at an address with the build of these receipts. The wallet's word on the chain is trusted; the result says so.
 * @throws {CliError} `cli/no-code`, `cli/rpc-failed`, `cli/no-build`; {ContractsError}.
 */
export async function compareDeployed(
  wallet: WalletProvider,
  address: string,
  build: AttestedBuild,
  contract: string | null,
): Promise<ContractCheck> {
  const rpc = rpcOf(wallet);
  return checkContract(address.toLowerCase(), {
    ...{ rpc, block: await blockOf(rpc, null), build, contract, uncheckedLibraries: [], uncheckedProxy: false },
    // No compiler in a browser: code that differs in metadata only stays undecided.
    recompiled: () => Promise.resolve(null),
    deployment: { transaction: null, arguments: null },
  });
}

export interface SummarySubject {
  readonly found: ContractCheck;
  readonly build: AttestedBuild;
  /** The audit's evidence is a simulator's. */
  readonly simulated: boolean;
}

/**
 * An ERC-7512 summary of the audit for a deployment that was compared, signed by the wallet. Nothing is sent.
 * @throws {CliError} `cli/no-summary`; {Error} in words for people.
 */
export async function signSummary(wallet: WalletProvider, { found, build, simulated }: SummarySubject): Promise<AuditSummary> {
  const rpc = rpcOf(wallet);
  const chainId = Number(await rpc.call('eth_chainId', []));
  const typedData = await summaryOf(found, { build, rpc, chainId, simulated });
  const account = await accountOf(wallet);
  const { recoverSigner, typedDataHash } = await import('../owners/index.ts');
  const signature = await signTyped(wallet, account, typedData);
  const signer = recoverSigner(typedDataHash(typedData), signature);
  if (signer !== account) throw new Error('The wallet signed something else. Nothing was kept.');
  const block = await blockOf(rpc, null);
  return signedSummary(typedData, {
    signature,
    signer,
    signedAt: Math.floor(Date.now() / 1000),
    found,
    build,
    block,
    simulated,
  });
}

/** The build that verified receipts hold. @throws {CliError} `cli/no-build`. */
export function buildOf(receipts: readonly VerifiedReceipt[]): AttestedBuild {
  return attestedBuildIn(receipts);
}

function rpcOf(wallet: WalletProvider): ChainRpc {
  return new ChainRpc(NOWHERE, { fetch: fetchOf(wallet), signal: new AbortController().signal });
}

function fetchOf(wallet: WalletProvider): typeof globalThis.fetch {
  return async (_url, init) => {
    const { id, method, params } = JSON.parse(String(init?.body)) as {
      readonly id: number;
      readonly method: string;
      readonly params: readonly unknown[];
    };
    const answer = await wallet.request({ method, params }).then(
      (result) => ({ result: result ?? null }),
      (error: unknown) => ({ error: fail(error) }),
    );
    return new Response(JSON.stringify({ jsonrpc: '2.0', id, ...answer }));
  };
}
