import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/** Characters that are drawn; more makes pages slow. The newest stay, because that is where a program got to. */
const MAX_SHOWN = 100_000;
/** Pixels from the end that still count as being there. */
const NEAR_END = 40;

interface OutputProps {
  readonly text: string;
  readonly label: string;
  /** More is coming: the view stays at the end as long as the reader is there. */
  readonly live: boolean;
  /** The agent told only the beginning. */
  readonly omitted?: boolean | undefined;
}

/** What a program printed. */
export function Output({ text, label, live, omitted = false }: OutputProps): JSX.Element {
  const box = useRef<HTMLElement>(null);
  const following = useRef(true);
  useEffect(() => {
    const { current } = box;
    if (live && current !== null && following.current) current.scrollTop = current.scrollHeight;
  }, [text, live]);
  const cut = text.length > MAX_SHOWN;
  return (
    <div class="stack-sm">
      {cut && <p class="hint">The last {MAX_SHOWN.toLocaleString()} characters:</p>}
      <section
        class="output"
        ref={box}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must take the keyboard
        tabIndex={0}
        aria-label={label}
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
          following.current = scrollHeight - scrollTop - clientHeight < NEAR_END;
        }}
      >
        <pre>{cut ? text.slice(-MAX_SHOWN) : text}</pre>
      </section>
      {omitted && <p class="hint">More was printed than is shown while it runs; the result and the receipt have it.</p>}
    </div>
  );
}
