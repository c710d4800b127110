/** What the routes work with; `main.ts` puts it together. */

import type { Clock, Ledger } from '@assay/ledger';
import type { Sandbox } from '@assay/sandbox';
import type { Logger } from 'pino';
import type { Config } from '../../config.ts';
import type { EvidenceSessions } from '../../evidence/sessions.ts';
import type { ChannelKeys } from '../../identity/channel-keys.ts';
import type { Identity } from '../../identity/identity.ts';
import type { KeysetRotation } from '../../identity/rotation.ts';
import type { OperatorApi } from '../../operator/operator-api.ts';
import type { LocalModels } from '../../ports/local-models.ts';
import type { Model } from '../../ports/model.ts';
import type { TaskStore } from '../../ports/task-store.ts';
import type { Upstream } from '../../ports/upstream.ts';
import type { TasksElsewhere } from '../../tasks/elsewhere/tasks-elsewhere.ts';
import type { Platform } from '../../tasks/talk/talk.ts';
import type { TalkKeyring } from '../../tasks/talk/talk-keys.ts';
import type { TaskJobs } from '../../tasks/task-jobs.ts';
import type { TaskTable } from '../../tasks/task-table.ts';
import type { Callers } from '../callers.ts';
import type { HandOn } from '../channel/hand-on.ts';
import type { Metrics } from '../metrics.ts';
import type { RateLimit } from '../rate-limit.ts';
import type { ConsoleFiles } from './console.ts';

export interface Services {
  readonly config: Config;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly ledger: Ledger;
  /** Whose API keys are good. */
  readonly callers: Callers;
  /** `null` without an operator manifest. */
  readonly operator: OperatorApi | null;
  readonly identity: Identity;
  /** Puts the next keyset in force. */
  readonly rotation: Pick<KeysetRotation, 'rotate' | 'standing'>;
  readonly channelKeys: ChannelKeys;
  /** The way to other agents on the same store; `null` for a store of one. */
  readonly handOn: HandOn | null;
  readonly model: Model;
  /** Models that run on this machine. */
  readonly localModels: LocalModels;
  /** Serves `/v1/…`. */
  readonly upstream: Upstream;
  /** The tutorial's keys (seed 004). */
  readonly talkKeys: TalkKeyring;
  /** The model of a platform under the caller's own key, for `/talk`. */
  readonly modelOf: (platform: Platform, model: string, apiKey: string) => Model;
  /** `null` while it is being opened. */
  readonly sandbox: () => Sandbox | null;
  /** Sessions of transcripts (seed 003). */
  readonly evidence: EvidenceSessions;
  readonly tasks: TaskTable;
  /** Work that outlives this agent. */
  readonly jobs: TaskJobs;
  /** Tasks of other agents on the same store; `null` where there are none. */
  readonly elsewhere: TasksElsewhere | null;
  /** Every task, also of earlier starts. */
  readonly taskStore: TaskStore;
  readonly metrics: Metrics;
  readonly rateLimit: RateLimit;
  readonly console: ConsoleFiles;
  /** Name of the store for people, e.g. `embedded SQLite`. */
  readonly storeName: string;
  /** True once the agent takes no more work. */
  readonly stopping: () => boolean;
}
