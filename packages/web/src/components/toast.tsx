import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Icon } from './icon.tsx';

interface Toast {
  readonly id: number;
  readonly tone: 'pass' | 'fail';
  readonly text: string;
}

const SHOWN_MS = 4000;
const MOST = 3;

let next = 0;
let show: ((toast: Toast) => void) | null = null;

/** Says in passing that something was done or failed; nothing that must be read. */
export function toast(text: string, tone: Toast['tone'] = 'pass'): void {
  next += 1;
  show?.({ id: next, tone, text });
}

/** Where toasts appear: once, in the shell. */
export function Toasts(): JSX.Element {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  useEffect(() => {
    show = (added) => {
      setToasts((known) => [...known.slice(1 - MOST), added]);
      setTimeout(() => setToasts((known) => known.filter(({ id }) => id !== added.id)), SHOWN_MS);
    };
    return () => {
      show = null;
    };
  }, []);
  return (
    <div class="toasts" role="status">
      {toasts.map(({ id, tone, text }) => (
        <div key={id} class={`toast is-${tone}`}>
          <Icon name={tone === 'pass' ? 'check-circle' : 'x-circle'} />
          {text}
        </div>
      ))}
    </div>
  );
}
