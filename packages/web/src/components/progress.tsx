import type { JSX } from 'preact';

interface ProgressProps {
  /** What goes on, for people and screen readers. */
  readonly label: string;
  readonly done: number;
  /** 0 while it is not known. */
  readonly total: number;
  /** Stands at the right: bytes, seconds. */
  readonly note: string;
}

/** How far something has come. */
export function Progress({ label, done, total, note }: ProgressProps): JSX.Element {
  const percent = total === 0 ? 0 : Math.min(100, Math.floor((done / total) * 100));
  return (
    <div class="progress">
      <div class="row-apart">
        <span>{label}</span>
        <span class="hint">{note}</span>
      </div>
      <div
        class="progress-track"
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        data-percent={percent}
      >
        <div class="progress-bar" style={{ width: `${percent}%` }} />
      </div>
    </div>
  );
}
