/** Proxies: contracts that run the code of another one. Read from their code and from the slots that the standards name. */

import { encodeHex } from '@assay/encoding/hex';

export type ProxyKind = 'EIP-1167' | 'EIP-1967' | 'EIP-1967 beacon' | 'EIP-7702';

export interface ContractProxy {
  readonly kind: ProxyKind;
  /** The implementation; of a beacon, the beacon. `0x` and 40 lower-case hex characters. */
  readonly target: string;
}

/** keccak256('eip1967.proxy.implementation') - 1, keccak256('eip1967.proxy.beacon') - 1 (EIP-1967). */
export const PROXY_SLOTS = {
  implementation: '0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc',
  beacon: '0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50',
} as const;
/** `implementation()`, which beacons answer. */
export const BEACON_CALL = '0x5c60da1b';

const MINIMAL = { before: '363d3d373d3d3d363d73', after: '5af43d82803e903d91602b57fd5bf3' } as const;
const DELEGATION = 'ef0100';
const ADDRESS_HEX = 40;

/**
 * What the code alone shows.
 * @example proxyInCode(code)?.target
 */
export function proxyInCode(code: Uint8Array): ContractProxy | null {
  const hex = encodeHex(code);
  if (hex.length === DELEGATION.length + ADDRESS_HEX && hex.startsWith(DELEGATION))
    return { kind: 'EIP-7702', target: `0x${hex.slice(DELEGATION.length)}` };
  const target = hex.slice(MINIMAL.before.length, MINIMAL.before.length + ADDRESS_HEX);
  if (hex === `${MINIMAL.before}${target}${MINIMAL.after}`) return { kind: 'EIP-1167', target: `0x${target}` };
  return null;
}

/**
 * What the slots of EIP-1967 show, as words of 32 bytes, `0x` and hex. Both may be set; which one is used, only the proxy's code says.
 * @example const [proxy] = proxiesInSlots(implementation, beacon)
 */
export function proxiesInSlots(implementation: string, beacon: string): readonly ContractProxy[] {
  const [target, at] = [addressOf(implementation), addressOf(beacon)];
  return [
    ...(target === null ? [] : [{ kind: 'EIP-1967', target } as const]),
    ...(at === null ? [] : [{ kind: 'EIP-1967 beacon', target: at } as const]),
  ];
}

/**
 * The address in a word; `null` for zero and for words that are none.
 * @example addressOf(`0x${'0'.repeat(64)}`) // null
 */
export function addressOf(word: string): string | null {
  const address = /^0x0{24}([0-9a-f]{40})$/.exec(word.toLowerCase())?.[1];
  return address === undefined || /^0+$/.test(address) ? null : `0x${address}`;
}
