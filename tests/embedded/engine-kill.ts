/** Ends engines from outside, as a system does that runs out of memory. */

import { readdirSync, readFileSync } from 'node:fs';

/** Ends the engine processes that a process started. */
export function killEngineOf(parent: number): void {
  const engines = readdirSync('/proc').filter((pid) => {
    if (!/^[0-9]+$/.test(pid)) return false;
    try {
      const isOurs = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1] === String(parent);
      return isOurs && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('engine-process');
    } catch {
      return false;
    }
  });
  for (const pid of engines) process.kill(Number(pid), 'SIGKILL');
}
