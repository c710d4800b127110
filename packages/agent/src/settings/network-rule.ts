/** `ASSAY_SANDBOX_ALLOW`: which hosts code may reach, by the operator's word. */

import type { HostRule } from '../tasks/network-hosts.ts';
import { Refusal } from './setting.ts';

const ALLOW_ENTRY = /^([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\]):([0-9]{1,5})$/;

/**
 * The rule in the text of the setting.
 * @example parseNetworkRule('requested,10.0.0.5:8545') // { mode: 'requested', hosts: ['10.0.0.5:8545'] }
 */
export function parseNetworkRule(setting: string): HostRule | Refusal {
  const text = setting.trim().toLowerCase();
  if (text === 'none') return { mode: 'none', hosts: [] };
  const entries = text.split(',').map((entry) => entry.trim());
  const hosts = entries.filter((entry) => entry !== 'requested');
  for (const entry of hosts) {
    const port = Number(ALLOW_ENTRY.exec(entry)?.[2]);
    if (!(port >= 1 && port <= 65_535)) {
      const expected = 'expected none, requested, or host:port,…';
      return new Refusal(`${expected}, got ${JSON.stringify(entry)}; write for example base.llamarpc.com:443`);
    }
  }
  return { mode: entries.includes('requested') ? 'requested' : 'listed', hosts };
}
