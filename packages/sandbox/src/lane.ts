/** What `select.ts` needs to know of a lane before it is opened. Each lane folder exports one of these. */

import type { IsolationLevel, SandboxLane } from '@assay/receipt';
import type { ImageKind } from './native/images.ts';
import type { Sandbox, SelfTestProbe } from './port.ts';

export interface LaneOptions {
  /** Absolute path of the agent's data directory; a lane keeps what it installs in `<directory>/sandbox/`. */
  readonly directory: string;
  /** Jobs that run at the same time. Default: the number of cores. */
  readonly concurrency?: number;
  /** The Python packages that code finds; default `native`. Lanes that bring their own packages offer no other. */
  readonly image?: ImageKind;
  /** Sandboxes kept waiting for each language. 0 switches the pool off. */
  readonly warm?: number | undefined;
}

export interface Lane {
  readonly name: SandboxLane;
  readonly isolation: IsolationLevel;
  /**
   * Opens the lane: looks for what it needs, runs the hostile self-test, and gives a sandbox in service.
   *
   * @throws {SandboxError} `sandbox/unavailable` when this machine lacks something or a required probe was not contained.
   */
  open(options: LaneOptions): Promise<Sandbox>;
}

/** The names of required probes that were not contained; empty means the lane may serve. */
export function failedProbes(probes: readonly SelfTestProbe[]): readonly string[] {
  return probes.filter((probe) => !probe.contained).map((probe) => `${probe.name}: ${probe.detail}`);
}
