/**
 * Stops all processes of a cell between two cells of a session. By SIGSTOP and not by a freezer group: it works without control
 * groups, and a stopped process still dies with its parent, where a frozen one of cgroup v1 would outlive the agent.
 */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { killQuietly } from './process-tree.ts';

const ROUNDS = 60;
const ROUND_MS = 5;
const STOPPED = new Set(['T', 't', 'Z', 'X']);

/**
 * SIGSTOP to every member until two looks in a row find no new member and no running thread. A member that continues another one
 * is stopped in a later round, so the loop ends when nothing is left that could.
 *
 * @returns false when a member still ran after 300 ms.
 */
export async function stopAll(members: () => readonly number[]): Promise<boolean> {
  let before = '';
  for (let round = 0; round < ROUNDS; round += 1) {
    const now = members();
    const running = now.filter((pid) => !isStopped(pid));
    const seen = now.join();
    if (running.length === 0 && seen === before) return true;
    before = seen;
    for (const pid of running) signal(pid, 'SIGSTOP');
    if (running.length > 0) await delay(round < 5 ? 1 : ROUND_MS);
  }
  return false;
}

/** SIGCONT to every member. */
export function continueAll(members: readonly number[]): void {
  for (const pid of members) signal(pid, 'SIGCONT');
}

/**
 * Kills the members that hold the socket with this inode, and those whose descriptors cannot be read. Call it on stopped members.
 *
 * @example
 * const socket = socketOf(interpreter, 3);
 * if (socket !== null) killHolders([child.pid], socket);
 */
export function killHolders(members: readonly number[], socket: string): void {
  for (const pid of members) if (holds(pid, socket)) killQuietly(pid);
}

/** `socket:[inode]` behind a descriptor of a process, or `null`. */
export function socketOf(pid: number, descriptor: number, task = `${pid}`): string | null {
  try {
    const target = readlinkSync(`/proc/${pid}/task/${task}/fd/${descriptor}`);
    return target.startsWith('socket:') ? target : null;
  } catch {
    return null;
  }
}

function holds(pid: number, socket: string): boolean {
  try {
    // Its threads share one table, but the folder of one that has ended shows none.
    return readdirSync(`/proc/${pid}/task`).some((task) =>
      readdirSync(`/proc/${pid}/task/${task}/fd`).some((descriptor) => socketOf(pid, Number(descriptor), task) === socket),
    );
  } catch (error) {
    const { code } = error as { code?: string };
    return code === 'EACCES' || code === 'EPERM';
  }
}

/** Every thread counts: a process whose first thread is stopped or gone can have others that run. */
function isStopped(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).every((task) => STOPPED.has(stateOf(`/proc/${pid}/task/${task}/stat`)));
  } catch {
    return true;
  }
}

function stateOf(file: string): string {
  try {
    const stat = readFileSync(file, 'latin1');
    return stat.charAt(stat.lastIndexOf(')') + 2);
  } catch {
    return 'X';
  }
}

function signal(pid: number, name: 'SIGSTOP' | 'SIGCONT'): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already.
  }
}
