import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { ErrorBoundary } from 'preact-iso/lazy';
import { LocationProvider, Route, Router, useLocation } from 'preact-iso/router';
import { Toasts } from '../components/toast.tsx';
import { NotFoundPage } from '../pages/not-found.tsx';
import { BASE, pathTo, STANDALONE } from '../state/base.ts';
import { Brand, Navigation, PhoneNavigation } from './navigation.tsx';
import { PAGES } from './pages.ts';
import { StatusStrip } from './status-strip.tsx';

/** The console: navigation and status strip around the page that the address names. */
export function App(): JSX.Element {
  return (
    <LocationProvider scope={BASE.pathname}>
      <a class="skip-link" href="#main">
        Skip to content
      </a>
      <div class={STANDALONE ? 'shell is-alone' : 'shell'}>{STANDALONE ? <Content /> : <Furnished />}</div>
      <Toasts />
    </LocationProvider>
  );
}

/** The page with all that belongs to an agent. */
function Furnished(): JSX.Element {
  return (
    <>
      <aside class="side" aria-label="Console">
        <Brand />
        <Navigation />
        <p class="side-foot hint">Everything on these pages is verified in your browser.</p>
      </aside>
      <header class="top">
        <Brand />
        <StatusStrip />
      </header>
      <Content />
      <div class="tabbar">
        <PhoneNavigation />
      </div>
    </>
  );
}

function Content(): JSX.Element {
  const { path } = useLocation();
  const main = useRef<HTMLElement>(null);
  const shown = useRef(path);
  // A new page begins at its top, for the eye and for screen readers; the first one is where the browser put the focus.
  useEffect(() => {
    if (shown.current === path) return;
    shown.current = path;
    main.current?.focus();
  }, [path]);
  return (
    <main id="main" tabIndex={-1} ref={main}>
      <ErrorBoundary>
        {isWellFormed(path) ? (
          <Router>
            {PAGES.map(({ path: pattern, component }) => (
              <Route key={pattern} path={pathTo(pattern)} component={component} />
            ))}
            <Route default component={NotFoundPage} />
          </Router>
        ) : (
          <NotFoundPage />
        )}
      </ErrorBoundary>
    </main>
  );
}

/** The router decodes what it matches, and throws at half an escape. */
function isWellFormed(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}
