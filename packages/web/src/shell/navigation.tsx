import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import { Icon } from '../components/icon.tsx';
import { pathTo } from '../state/base.ts';
import { PAGES } from './pages.ts';

const LISTED = PAGES.flatMap(({ path, nav }) => (nav === undefined ? [] : [{ path, ...nav }]));

/** A page below a listed one keeps that one marked. */
function isCurrent(page: string, path: string): boolean {
  const href = pathTo(page);
  return path === href || path.startsWith(`${href}/`) || path === `${href}.html`;
}

function PageLink({ page, path }: { readonly page: (typeof LISTED)[number]; readonly path: string }): JSX.Element {
  return (
    <a class="nav" href={pathTo(page.path)} aria-current={isCurrent(page.path, path) ? 'page' : undefined}>
      <Icon name={page.icon} />
      <span>{page.title}</span>
    </a>
  );
}

/** Links to the pages. */
export function Navigation(): JSX.Element {
  const { path } = useLocation();
  return (
    <nav aria-label="Pages">
      {LISTED.map((page) => (
        <PageLink key={page.path} page={page} path={path} />
      ))}
    </nav>
  );
}

/** The same for a thumb: what is used most, the rest behind “More”. */
export function PhoneNavigation(): JSX.Element {
  const { path } = useLocation();
  const more = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    if (more.current !== null) more.current.open = false;
  }, [path]);
  const behind = LISTED.filter((page) => page.more === true);
  return (
    <nav aria-label="Pages">
      {LISTED.filter((page) => page.more !== true).map((page) => (
        <PageLink key={page.path} page={page} path={path} />
      ))}
      <details class="more" ref={more}>
        <summary class="nav" data-current={behind.some((page) => isCurrent(page.path, path))}>
          <Icon name="more" />
          <span>More</span>
        </summary>
        <div class="more-pages">
          {behind.map((page) => (
            <PageLink key={page.path} page={page} path={path} />
          ))}
        </div>
      </details>
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
