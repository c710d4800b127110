import type { ComponentChildren, JSX } from 'preact';

/** How a thing stands: green, red, amber (open, or simulated), under way, or nothing to say. */
export type Tone = 'pass' | 'fail' | 'open' | 'active' | 'plain';

/** @example <Badge tone="open">SIMULATED</Badge> */
export function Badge({
  tone = 'plain',
  children,
}: {
  readonly tone?: Tone;
  readonly children: ComponentChildren;
}): JSX.Element {
  return <span class={`badge is-${tone}`}>{children}</span>;
}

/** A coloured point beside words that say the same. */
export function Dot({ tone }: { readonly tone: Tone }): JSX.Element {
  return <span class={`dot is-${tone}`} aria-hidden="true" />;
}
