import type { ComponentChildren, JSX } from 'preact';

interface CardProps {
  readonly title?: string | undefined;
  /** Stands at the right of the title. */
  readonly actions?: ComponentChildren;
  /** The content reaches the edges, as a table does. */
  readonly flush?: boolean | undefined;
  readonly children: ComponentChildren;
}

/**
 * A surface with one subject. With a title it is a region that screen readers list.
 * @example <Card title="Output"><pre class="output">42</pre></Card>
 */
export function Card({ title, actions, flush = false, children }: CardProps): JSX.Element {
  return (
    <section class="card" aria-label={title}>
      {title !== undefined && (
        <div class="card-head">
          <h2>{title}</h2>
          {actions}
        </div>
      )}
      <div class={flush ? 'card-body is-flush' : 'card-body'}>{children}</div>
    </section>
  );
}
