/**
 * The owner's wallet in this browser: an EIP-1193 provider, found by EIP-6963 or at `window.ethereum`. The page shows it typed data to sign;
 * keys never come here.
 */

export interface WalletProvider {
  request(asked: { readonly method: string; readonly params?: readonly unknown[] }): Promise<unknown>;
}

/** Wallets announce themselves within this time, milliseconds. */
const ANNOUNCE_MS = 100;

/** A wallet of this browser; `null` when there is none. */
export async function findWallet(): Promise<WalletProvider | null> {
  const { ethereum } = globalThis as { readonly ethereum?: WalletProvider };
  if (ethereum !== undefined) return ethereum;
  return new Promise((found) => {
    const settle = (provider: WalletProvider | null): void => {
      removeEventListener('eip6963:announceProvider', announced);
      found(provider);
    };
    const announced = (event: Event): void =>
      settle((event as CustomEvent<{ readonly provider?: WalletProvider }>).detail?.provider ?? null);
    addEventListener('eip6963:announceProvider', announced);
    dispatchEvent(new Event('eip6963:requestProvider'));
    setTimeout(() => settle(null), ANNOUNCE_MS);
  });
}

/** The account that the owner lets this page use, in lower case. @throws {Error} in words for people. */
export async function accountOf(wallet: WalletProvider): Promise<string> {
  const accounts = await asked(wallet, 'eth_requestAccounts', []);
  const [account] = Array.isArray(accounts) ? accounts : [];
  if (typeof account !== 'string' || !/^0x[0-9a-fA-F]{40}$/.test(account))
    throw new Error('The wallet gave no account. Unlock it and allow this page to see one.');
  return account.toLowerCase();
}

/** The account's signature over typed data (EIP-712), r, s and v, lower-case hex. @throws {Error} in words for people. */
export async function signTyped(wallet: WalletProvider, account: string, typedData: unknown): Promise<`0x${string}`> {
  const signature = await asked(wallet, 'eth_signTypedData_v4', [account, JSON.stringify(typedData)]);
  if (typeof signature !== 'string' || !/^0x[0-9a-fA-F]{130}$/.test(signature))
    throw new Error('The wallet gave no signature of 65 bytes. Accounts that are contracts cannot be owners.');
  return signature.toLowerCase() as `0x${string}`;
}

const REJECTED = 4001; // EIP-1193: the person said no

async function asked(wallet: WalletProvider, method: string, params: readonly unknown[]): Promise<unknown> {
  try {
    return await wallet.request({ method, params });
  } catch (error) {
    const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
    if (code === REJECTED) throw new Error('You declined in the wallet. Nothing was signed.');
    throw new Error(`The wallet refused ${method}: ${String(message ?? error).slice(0, 200)}`);
  }
}
