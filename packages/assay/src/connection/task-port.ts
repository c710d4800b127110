import type { ResolvedOptions } from '../verification/options.ts';

/** What a run needs of a connection. */
export interface TaskPort {
  /** Asks a path below the agent's address through the channel. */
  readonly ask: (path: string, init?: RequestInit) => Promise<Response>;
  /** How bundles of this agent are verified: as its attestation was. */
  readonly options: () => ResolvedOptions;
}
