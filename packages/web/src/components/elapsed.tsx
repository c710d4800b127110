import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

interface ElapsedProps {
  /** Milliseconds when it was read; `null` when unknown. */
  readonly ms: number | null;
  /** When it was read, by `performance.now()`. */
  readonly readAt: number;
  /** It still counts. */
  readonly running: boolean;
}

const TICK_MS = 1000;

/** How long a task takes or took. It counts from what the agent said, so the clocks of agent and browser may differ. */
export function Elapsed({ ms, readAt, running }: ElapsedProps): JSX.Element {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => setNow(performance.now()), TICK_MS);
    return () => clearInterval(timer);
  }, [running]);
  if (ms === null) return <span class="hint">—</span>;
  return <span class="number">{elapsedOf(running ? ms + Math.max(0, now - readAt) : ms)}</span>;
}

/** @example elapsedOf(83_400) // 1 min 23 s */
export function elapsedOf(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
