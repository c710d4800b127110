/** Memory of a process and all its descendants, from `/proc` (Linux). Resident pages that they share are counted once for each, proportional ones once in all. */

import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessMemory {
  readonly pid: number;
  readonly command: string;
  /** Bytes. */
  readonly resident: number;
  /** Bytes; 0 where the kernel does not tell. */
  readonly proportional: number;
}

interface Seen {
  readonly pid: number;
  readonly parent: number;
  /** Bytes. */
  readonly resident: number;
}

/** Bytes; 0 where there is no `/proc`. */
export function residentOfTree(root: number): number {
  return tree(root).reduce((sum, { resident }) => sum + resident, 0);
}

/** Every process, the largest first. */
export function memoryOfTree(root: number): readonly ProcessMemory[] {
  return tree(root)
    .map(({ pid, resident }) => ({ pid, resident, command: commandOf(pid), proportional: proportionalOf(pid) }))
    .sort((a, b) => b.resident - a.resident);
}

function tree(root: number): readonly Seen[] {
  const all = processes();
  const ours = new Set([root]);
  for (let before = 0; before < ours.size; ) {
    before = ours.size;
    for (const { pid, parent } of all) if (ours.has(parent)) ours.add(pid);
  }
  return all.filter(({ pid }) => ours.has(pid));
}

function processes(): readonly Seen[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^[0-9]+$/.test(name))
      .flatMap(seen);
  } catch {
    return [];
  }
}

function seen(pid: string): readonly Seen[] {
  const status = textOf(`/proc/${pid}/status`);
  if (status === '') return []; // it ended
  return [{ pid: Number(pid), parent: numberIn(status, 'PPid'), resident: numberIn(status, 'VmRSS') * 1024 }];
}

function proportionalOf(pid: number): number {
  return numberIn(textOf(`/proc/${pid}/smaps_rollup`), 'Pss') * 1024;
}

function commandOf(pid: number): string {
  return textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
}

function numberIn(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+([0-9]+)`, 'm').exec(text)?.[1] ?? 0);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
