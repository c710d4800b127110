import type { ComponentChildren, JSX } from 'preact';

const PAGES = [
  { name: 'developer', title: 'Generate & execute' },
  { name: 'chat', title: 'Ask' },
  { name: 'verify', title: 'Verify' },
  { name: 'receipts', title: 'Receipts' },
  { name: 'status', title: 'Status' },
] as const;

export type PageName = (typeof PAGES)[number]['name'];

/** Masthead, navigation and main landmark of every page. */
export function Layout({ page, children }: { readonly page: PageName; readonly children: ComponentChildren }): JSX.Element {
  return (
    <>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <header class="masthead">
        <a class="brand" href="./developer">
          <svg width="22" height="22" viewBox="0 0 32 32" aria-hidden="true">
            <path d="M16 2 4 7v9c0 7 5 12 12 14 7-2 12-7 12-14V7z" fill="var(--accent)" />
            <path d="m10 16 4 4 8-9" fill="none" stroke="var(--accent-ink)" stroke-width="3" />
          </svg>
          Assay
        </a>
        <nav aria-label="Pages">
          {PAGES.map(({ name, title }) => (
            <a key={name} href={`./${name}`} aria-current={name === page ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
      </header>
      <main id="main">{children}</main>
    </>
  );
}
