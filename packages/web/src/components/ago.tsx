/** How long ago something was, kept true while the page is open: one timer for all of them, and only what reads otherwise is drawn again. */

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { agoOf, instantOf } from '../state/instants.ts';

const TICK_MS = 5_000;

const shown = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** Calls `update` at each tick, until the function it returns is called. */
function atEachTick(update: () => void): () => void {
  shown.add(update);
  timer ??= setInterval(() => {
    for (const each of shown) each();
  }, TICK_MS);
  return () => {
    shown.delete(update);
    if (shown.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** @param at epoch milliseconds; the whole date is its title. */
export function Ago({ at, class: className }: { readonly at: number; readonly class?: string }): JSX.Element {
  const [, setText] = useState(() => agoOf(at, Date.now()));
  useEffect(() => atEachTick(() => setText(agoOf(at, Date.now()))), [at]);
  const date = new Date(at);
  return (
    <time class={className} dateTime={Number.isNaN(date.getTime()) ? undefined : date.toISOString()} title={instantOf(at)}>
      {agoOf(at, Date.now())}
    </time>
  );
}
