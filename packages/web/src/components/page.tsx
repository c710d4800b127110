import type { ComponentChildren, JSX } from 'preact';
import { useEffect } from 'preact/hooks';

interface PageProps {
  /** Heading of the page and title of the tab. */
  readonly title: string;
  readonly lead?: ComponentChildren;
  /** Stands at the right of the heading. */
  readonly actions?: ComponentChildren;
  readonly children?: ComponentChildren;
}

/**
 * Head and content of a page.
 * @example <Page title="Status" lead="What the agent is made of."><Card title="TEE">…</Card></Page>
 */
export function Page({ title, lead, actions, children }: PageProps): JSX.Element {
  useEffect(() => {
    document.title = `${title} · Assay`;
  }, [title]);
  return (
    <div class="page">
      <div class="page-head">
        <div>
          <h1>{title}</h1>
          {lead !== undefined && <p>{lead}</p>}
        </div>
        {actions !== undefined && <div class="row">{actions}</div>}
      </div>
      {children}
    </div>
  );
}
