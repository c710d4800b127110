/**
 * What else an account runs: the targets of the proxies that it is (spec/contract-check.md §3). Code that is fetched by `delegatecall` works on
 * the account's own storage, so the slots of EIP-1967 are always read there, also behind a minimal proxy. Slots are proven; what a beacon
 * answers is the word of the RPC.
 */

import { addressOf, BEACON_CALL, type ContractProxy, PROXY_SLOTS, proxiesInSlots, proxyInCode } from '@assay/contracts';
import { encodeHex } from '@assay/encoding/hex';
import { CliError } from '../errors.ts';
import { type ChainBlock, type ChainCode, codeAt, slotsAt } from './chain-code.ts';
import type { ChainRpc } from './rpc.ts';

export interface ProxyTargets {
  /** In the order in which they lead on; empty for an account that is no proxy. */
  readonly proxies: readonly ContractProxy[];
  /** Code that reads the slots, when they are set: the account's own, or what a minimal proxy leads to. */
  readonly proxyCode: ChainCode | null;
  readonly beacons: readonly ChainCode[];
  readonly implementations: readonly ChainCode[];
}

/** Proxies that lead to one another by their code alone; of what is behind more, the last is taken for an implementation. */
const MOST_STEPS = 4;

/** @throws {CliError} `cli/no-code` for a beacon that names nothing, `cli/rpc-failed`, `cli/rpc-lies`; {ContractsError} `chain/proof-invalid`, `chain/proof-malformed`. */
export async function proxyTargets(at: ChainCode, rpc: ChainRpc, block: ChainBlock): Promise<ProxyTargets> {
  const [implementation, beacon] = await slotsAt(rpc, at.address, [PROXY_SLOTS.implementation, PROXY_SLOTS.beacon], block);
  const inSlots = proxiesInSlots(String(implementation), String(beacon));
  const own = await throughCode(at, rpc, block);
  if (inSlots.length === 0)
    return { proxies: own.proxies, proxyCode: null, beacons: [], implementations: own.proxies.length === 0 ? [] : [own.end] };
  const proxies: ContractProxy[] = [...own.proxies];
  const beacons: ChainCode[] = [];
  const implementations: ChainCode[] = [];
  for (const proxy of inSlots) {
    const isBeacon = proxy.kind === 'EIP-1967 beacon';
    if (isBeacon) beacons.push(await codeAt(rpc, proxy.target, block));
    const target = isBeacon ? await namedBy(proxy.target, at.address, rpc, block) : proxy.target;
    const further = await throughCode(await codeAt(rpc, target, block), rpc, block);
    proxies.push(proxy, ...further.proxies);
    implementations.push(further.end);
  }
  return { proxies, proxyCode: own.end, beacons, implementations };
}

/** Follows proxies whose code says all: it is known byte for byte, so only where it ends is compared. */
async function throughCode(
  from: ChainCode,
  rpc: ChainRpc,
  block: ChainBlock,
): Promise<{ readonly proxies: readonly ContractProxy[]; readonly end: ChainCode }> {
  const proxies: ContractProxy[] = [];
  let end = from;
  for (let proxy = proxyInCode(end.code); proxy !== null && proxies.length < MOST_STEPS; proxy = proxyInCode(end.code)) {
    proxies.push(proxy);
    end = await codeAt(rpc, proxy.target, block);
  }
  return { proxies, end };
}

/** What a beacon answers the proxy that asks it. */
async function namedBy(beacon: string, proxy: string, rpc: ChainRpc, block: ChainBlock): Promise<string> {
  const call = { from: proxy, to: beacon, data: BEACON_CALL };
  const address = addressOf(`0x${encodeHex(await rpc.bytes('eth_call', [call, block.number]))}`);
  if (address !== null) return address;
  throw new CliError(
    'cli/no-code',
    `expected the beacon at ${beacon} to name an implementation, got none; check address and chain`,
  );
}
