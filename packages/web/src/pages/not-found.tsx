import type { JSX } from 'preact';
import { ButtonLink } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { Page } from '../components/page.tsx';
import { pathTo } from '../state/base.ts';

/** For addresses that name no page. */
export function NotFoundPage(): JSX.Element {
  return (
    <Page title="Page not found">
      <Card>
        <EmptyState
          icon="search"
          title="Nothing is here"
          action={
            <div class="row">
              <ButtonLink kind="primary" href={pathTo('developer')}>
                Run a task
              </ButtonLink>
              <ButtonLink href={pathTo('receipts')}>See the receipts</ButtonLink>
            </div>
          }
        >
          The console has no page with this address. It may have been mistyped, or it belongs to another agent.
        </EmptyState>
      </Card>
    </Page>
  );
}
