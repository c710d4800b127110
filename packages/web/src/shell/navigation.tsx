import type { JSX } from 'preact';
import { useLocation } from 'preact-iso/router';
import { Icon } from '../components/icon.tsx';
import { pathTo } from '../state/base.ts';
import { PAGES } from './pages.ts';

/** Links to the pages; a page below a listed one keeps that one marked. */
export function Navigation(): JSX.Element {
  const { path } = useLocation();
  return (
    <nav aria-label="Pages">
      {PAGES.map(({ path: page, nav }) => {
        if (nav === undefined) return null;
        const href = pathTo(page);
        const current = path === href || path.startsWith(`${href}/`) || path === `${href}.html`;
        return (
          <a key={page} class="nav" href={href} aria-current={current ? 'page' : undefined}>
            <Icon name={nav.icon} />
            <span>{nav.title}</span>
          </a>
        );
      })}
    </nav>
  );
}

/** Name and mark; leads to the first page. */
export function Brand(): JSX.Element {
  return (
    <a class="brand" href={pathTo('developer')}>
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <path d="M16 2 4 7v9c0 7 5 12 12 14 7-2 12-7 12-14V7z" fill="var(--accent)" />
        <path d="m10 16 4 4 8-9" fill="none" stroke="var(--accent-ink)" stroke-width="3" />
      </svg>
      Assay
    </a>
  );
}
