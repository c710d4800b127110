/** A local chain for tests: anvil from npm, its accounts unlocked. */

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { npmPackage } from './installed.ts';

const ANVIL = [
  '@foundry-rs/anvil-linux-amd64',
  '1.7.1',
  'sha512-+XmShybEaxfCrr0OUUZwYEy2OnYZt5pHH9TzBtLv3+VrK0O/ANuNSVEahqNhKHlgX7GRJ59383ofNhxkRWIYTg==',
] as const;

/** Whether npm has it for this machine. */
export const hasAnvil = process.platform === 'linux' && process.arch === 'x64';

export interface Anvil {
  readonly url: string;
  call(method: string, params?: readonly unknown[]): Promise<unknown>;
  /** Deploys creation code; gives the contract's address and its transaction. */
  deploy(data: string): Promise<{ readonly address: string; readonly transaction: string }>;
  /** Puts other code or storage there, in a block of its own. */
  set(method: 'anvil_setCode' | 'anvil_setStorageAt', ...params: readonly string[]): Promise<void>;
  close(): void;
}

export async function startAnvil(): Promise<Anvil> {
  const child: ChildProcess = spawn(join(npmPackage(...ANVIL), 'bin/anvil'), ['--port', '0', '--code-size-limit', '100000'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`anvil ended with ${code}`)));
    createInterface({ input: child.stdout as NonNullable<ChildProcess['stdout']> }).on('line', (line) => {
      const at = /Listening on (\S+)/.exec(line)?.[1];
      if (at !== undefined) resolve(`http://${at}`);
    });
  });
  const call = async (method: string, params: readonly unknown[] = []): Promise<unknown> => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    const { result, error } = (await response.json()) as { result?: unknown; error?: { message: string } };
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  };
  /** The block may come a moment after the transaction. */
  const receiptOf = async (transaction: string): Promise<{ readonly contractAddress: string; readonly status: string }> => {
    for (;;) {
      const receipt = await call('eth_getTransactionReceipt', [transaction]);
      if (receipt !== null) return receipt as { contractAddress: string; status: string };
    }
  };
  const [from] = (await call('eth_accounts')) as string[];
  return {
    url,
    call,
    deploy: async (data) => {
      const transaction = (await call('eth_sendTransaction', [{ from, data, gas: '0x1c9c380' }])) as string;
      const receipt = await receiptOf(transaction);
      if (receipt.status !== '0x1') throw new Error('the deployment failed');
      return { address: receipt.contractAddress, transaction };
    },
    set: async (method, ...params) => {
      await call(method, params);
      await call('anvil_mine', ['0x1']);
    },
    close: () => void child.kill('SIGKILL'),
  };
}
