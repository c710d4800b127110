/** What this browser remembers: the API key for the tab, the root of a simulator for good. Browsers may refuse to; then it is for now only. */

const KEY_SLOT = 'assay.api-key';
const ROOT_SLOT = 'assay.simulated-root';

/** For browsers that store nothing. */
const now = new Map<string, string>();

function read(storage: () => Storage, slot: string): string | null {
  try {
    return storage().getItem(slot) ?? now.get(slot) ?? null;
  } catch {
    return now.get(slot) ?? null;
  }
}

function write(storage: () => Storage, slot: string, value: string | null): void {
  now.delete(slot);
  if (value !== null) now.set(slot, value);
  try {
    if (value === null) storage().removeItem(slot);
    else storage().setItem(slot, value);
  } catch {
    // Kept until the page is closed.
  }
}

/** The API key for agents that demand one; forgotten with the tab. */
export const keptKey = {
  get: (): string | null => read(() => sessionStorage, KEY_SLOT),
  set: (key: string | null): void => write(() => sessionStorage, KEY_SLOT, key),
};

/** PEM of the simulator's root that the visitor accepted for this agent. */
export const keptRoot = {
  get: (): string | null => read(() => localStorage, ROOT_SLOT),
  set: (pem: string | null): void => write(() => localStorage, ROOT_SLOT, pem),
};
