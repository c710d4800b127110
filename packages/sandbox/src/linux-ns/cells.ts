/** Starts cells in namespaces: one launcher process each, with its own user id, control group and scratch directory. */

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionLimits } from '@assay/receipt';
import { addressSpaceOf } from '../native/address-space.ts';
import type { Cell, CellFactory, CellKind } from '../native/cell.ts';
import type { GroupTree, JobGroup } from '../native/cgroup.ts';
import { cellCommand, type Layout, programsInside } from '../native/layout.ts';
import { offerToOomKiller } from '../native/process-tree.ts';
import { waitUntilReady } from '../native/ready.ts';
import { UserIds } from '../native/user-ids.ts';
import { type Launch, type LaunchPrograms, launchCommand, writeOptions } from './bubblewrap.ts';
import { groupLimits } from './grouped-cell.ts';
import { NamespaceCell } from './namespace-cell.ts';
import { mountScratch, type Stage, unmountScratch } from './stage.ts';

export interface NamespaceOptions {
  readonly programs: LaunchPrograms;
  readonly layout: Layout;
  readonly stage: Stage;
  readonly groups: GroupTree | null;
  readonly defaults: ExecutionLimits;
}

const FILTER_DESCRIPTOR = 4;
const OPTIONS_DESCRIPTOR = 5;

/** See {@link CellFactory}. */
export class NamespaceCells implements CellFactory {
  readonly kinds: readonly CellKind[];
  readonly defaults: ExecutionLimits;
  readonly #options: NamespaceOptions;
  readonly userIds = new UserIds();
  #started = 0;

  constructor(options: NamespaceOptions) {
    this.#options = options;
    this.defaults = options.defaults;
    this.kinds = options.layout.python === null ? ['javascript'] : ['python', 'javascript'];
  }

  async start(kind: CellKind, limits: ExecutionLimits): Promise<Cell> {
    const { stage, groups, programs, layout } = this.#options;
    this.#started += 1;
    const name = `job-${this.#started}`;
    const uid = stage.root ? this.userIds.take() : null;
    const scratch = uid === null ? null : join(stage.directory, name);
    let group: JobGroup | null = null;
    const release = async (): Promise<void> => {
      if (scratch !== null) await unmountScratch(scratch);
      group?.remove();
      if (uid !== null) this.userIds.give(uid);
    };
    try {
      if (scratch !== null && uid !== null)
        await mountScratch(scratch, { uid, diskBytes: limits.diskBytes, inodes: limits.inodes });
      group = groups?.create(name) ?? null;
      await group?.limit(groupLimits(limits));
      const start = launchCommand({
        programs,
        layout,
        binds: stage.binds,
        limits,
        joinFiles: group?.joinFiles ?? [],
        uid,
        scratch,
        filterDescriptor: FILTER_DESCRIPTOR,
        optionsDescriptor: OPTIONS_DESCRIPTOR,
        addressSpaceBytes: group === null && kind === 'python' ? addressSpaceOf(limits) : null,
        command: cellCommand(kind, programsInside(layout.python)),
      });
      const cell = new NamespaceCell({ kind, limits, child: launch(start, stage.filter), group, scratch, release });
      try {
        await waitUntilReady(cell);
        cell.settle();
      } catch (error) {
        await cell.dispose();
        throw error;
      }
      return cell;
    } catch (error) {
      if (group === null) await release();
      throw error;
    }
  }

  async close(): Promise<void> {}
}

function launch({ command, options }: Launch, filter: string): ChildProcess {
  const [program = '', ...rest] = command;
  // Each launcher reads the filter from a descriptor of its own: they would share one file position otherwise.
  const descriptor = openSync(filter, 'r');
  try {
    const child = spawn(program, rest, { env: {}, cwd: '/', stdio: ['pipe', 'pipe', 'pipe', 'pipe', descriptor, 'pipe'] });
    offerToOomKiller(child.pid);
    writeOptions(child, OPTIONS_DESCRIPTOR, options);
    return child;
  } finally {
    closeSync(descriptor);
  }
}
