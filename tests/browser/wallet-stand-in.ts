/** An EIP-1193 wallet in a page: it signs with a key of the test, and answers what a chain is asked. The key stays outside of the page. */

import type { Page } from 'playwright-core';
import type { PrivateKeyAccount } from 'viem/accounts';

export interface WalletStandIn {
  /** Methods that the page asked for, in order. */
  readonly asked: readonly string[];
  /** The account that signs from now on; `null`: the person declines. */
  use(account: PrivateKeyAccount | null): void;
}

type Answer = (method: string, params: readonly unknown[]) => unknown;

/** Puts the wallet into every page that is opened from now on. `chain` answers JSON-RPC that is not about the account. */
export async function giveWallet(page: Page, first: PrivateKeyAccount, chain: Answer = () => null): Promise<WalletStandIn> {
  const asked: string[] = [];
  let account: PrivateKeyAccount | null = first;
  const answer = async (method: string, params: readonly unknown[]): Promise<unknown> => {
    asked.push(method);
    if (account === null) throw new Error('declined');
    if (method === 'eth_requestAccounts') return [account.address];
    if (method !== 'eth_signTypedData_v4') return chain(method, params);
    const { domain, types, primaryType, message } = JSON.parse(String(params[1]));
    return account.signTypedData({ domain, types, primaryType, message });
  };
  await page.exposeFunction('walletAnswer', async (method: string, params: readonly unknown[]) =>
    answer(method, params).then(
      (result) => ({ result }),
      (error: Error) => ({
        error: error.message === 'declined' ? { code: 4001, message: 'User rejected' } : { message: error.message },
      }),
    ),
  );
  await page.addInitScript(() => {
    type Ask = (method: string, params: readonly unknown[]) => Promise<{ readonly result?: unknown; readonly error?: object }>;
    const page = globalThis as unknown as { walletAnswer: Ask; ethereum: unknown };
    page.ethereum = {
      request: async ({ method, params = [] }: { readonly method: string; readonly params?: readonly unknown[] }) => {
        const { result, error } = await page.walletAnswer(method, params);
        if (error !== undefined) throw error;
        return result;
      },
    };
  });
  return { asked, use: (next) => (account = next) };
}
