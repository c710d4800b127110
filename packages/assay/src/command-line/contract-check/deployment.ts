/** How a contract was deployed: sender, arguments and the state before, from its transaction or from the user. */

import { decodeHex } from '@assay/encoding/hex';
import { CliError } from '../errors.ts';
import type { ChainBlock } from './chain-code.ts';
import type { ChainRpc } from './rpc.ts';

export interface Deployment {
  readonly from: string;
  /** Wei, `0x` and hex. */
  readonly value: string;
  readonly arguments: Uint8Array;
  /** Number of the block whose state the constructor saw. */
  readonly block: string;
}

export interface DeploymentOptions {
  readonly rpc: ChainRpc;
  readonly block: ChainBlock;
  readonly address: string;
  /** The attested creation code; the transaction's input must begin with it. */
  readonly creation: Uint8Array;
  readonly needsArguments: boolean;
  readonly deployment: { readonly transaction: string | null; readonly arguments: Uint8Array | null };
}

const ZERO_ADDRESS = `0x${'00'.repeat(20)}`;

/** `null` when nothing is known that could be replayed. @throws {CliError} `cli/bad-option`, `cli/rpc-failed`. */
export async function deploymentOf(options: DeploymentOptions): Promise<Deployment | null> {
  const { rpc, block, deployment, needsArguments } = options;
  if (deployment.transaction !== null) return fromTransaction(rpc, deployment.transaction, options);
  if (deployment.arguments === null && needsArguments) return null;
  return { from: ZERO_ADDRESS, value: '0x0', arguments: deployment.arguments ?? new Uint8Array(0), block: block.number };
}

async function fromTransaction(
  rpc: ChainRpc,
  hash: string,
  { address, creation }: DeploymentOptions,
): Promise<Deployment | null> {
  const [transaction, receipt] = [
    await rpc.object('eth_getTransactionByHash', [hash]),
    await rpc.object('eth_getTransactionReceipt', [hash]),
  ];
  const { from, value, input, blockNumber } = transaction as Readonly<Record<string, string>>;
  if (String(receipt.contractAddress).toLowerCase() !== address.toLowerCase())
    throw new CliError(
      'cli/bad-option',
      `--creation-tx: expected the transaction that made ${address}, got one that made ${String(receipt.contractAddress)}; give the right one`,
    );
  const bytes = decodeHex(String(input).slice(2).toLowerCase());
  if (bytes.length < creation.length || !creation.every((byte, i) => bytes[i] === byte)) return null;
  const before = BigInt(String(blockNumber)) - 1n;
  return {
    from: String(from),
    value: String(value),
    arguments: bytes.slice(creation.length),
    block: `0x${before.toString(16)}`,
  };
}
