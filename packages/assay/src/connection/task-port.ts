import type { JudgeRequest } from '../judgement/request.ts';

/** What a run needs of a connection. */
export interface TaskPort {
  /** Asks a path below the agent's address through the channel. */
  readonly ask: (path: string, init?: RequestInit) => Promise<Response>;
  readonly judging: () => Promise<JudgeRequest>;
}
