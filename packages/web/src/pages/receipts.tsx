import type { Agent, TaskStatus } from 'assay';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import { Ago } from '../components/ago.tsx';
import { Badge } from '../components/badge.tsx';
import { Button } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { Notice } from '../components/notice.tsx';
import { Page } from '../components/page.tsx';
import { SearchField } from '../components/search-field.tsx';
import { Gate } from '../shell/gate.tsx';
import { readJson } from '../state/agent-reader.ts';
import { pathTo } from '../state/base.ts';
import { type ListedReceipt, type ReceiptFilter, type ReceiptPage, receiptsPath } from '../state/receipt-list.ts';
import { kindWords, TASK_LOOKS } from '../state/task-words.ts';

/** Rows that are laid out, or left out, together: a browser looks at each part in every frame, so there must be few. */
const PART = 20;
/** Height of a row before it is laid out. */
const ROW_REM = 3;

/** Every receipt of the agent, newest first, found by words and outcome; the filter stands in the address. */
export function ReceiptsPage(): JSX.Element {
  return (
    <Page title="Receipts" lead="Every piece of work leaves one: signed, logged, and checkable by anyone.">
      <Gate>{({ agent }) => <Receipts agent={agent} />}</Gate>
    </Page>
  );
}

function Receipts({ agent }: { readonly agent: Agent }): JSX.Element {
  const { query, route } = useLocation();
  const search = query.search ?? '';
  const filter = { search: search.trim(), outcome: isOutcome(query.outcome) ? query.outcome : '' } as const;
  /** The address holds what is looked for, so that reload, Back and a copied link show it again. */
  const narrow = (change: Partial<ReceiptFilter>): void => {
    const kept = new URLSearchParams(Object.entries({ ...filter, search, ...change }).filter(([, value]) => value !== ''));
    route(pathTo('receipts') + (kept.size === 0 ? '' : `?${kept}`), true);
  };
  return (
    <>
      <search class="filters">
        <SearchField
          label="Search the receipts"
          hint="Search title, kind or id"
          value={search}
          onChange={(text) => narrow({ search: text })}
        />
        <label class="hidden" for="outcome">
          Outcome
        </label>
        <select
          id="outcome"
          class="input"
          value={filter.outcome}
          onChange={(event) => narrow({ outcome: event.currentTarget.value as TaskStatus | '' })}
        >
          <option value="">Every outcome</option>
          {Object.entries(TASK_LOOKS).map(([value, { word }]) => (
            <option key={value} value={value}>
              {word}
            </option>
          ))}
        </select>
      </search>
      <ReceiptRows
        key={`${filter.outcome} ${filter.search}`}
        agent={agent}
        filter={filter}
        onShowAll={() => route(pathTo('receipts'), true)}
      />
    </>
  );
}

interface ReceiptRowsProps {
  readonly agent: Agent;
  readonly filter: ReceiptFilter;
  readonly onShowAll: () => void;
}

function ReceiptRows({ agent, filter, onShowAll }: ReceiptRowsProps): JSX.Element {
  const [pages, setPages] = useState<readonly (readonly ListedReceipt[])[]>([]);
  /** Where the next page begins; `undefined` before the first. */
  const [next, setNext] = useState<number | null | undefined>(undefined);
  const [loading, setLoading] = useState(true);
  const [fault, setFault] = useState('');

  const load = async (before: number | null): Promise<void> => {
    setLoading(true);
    try {
      const page = await readJson<ReceiptPage>(agent, receiptsPath(filter, before));
      setPages((known) => [...known, page.receipts]);
      setNext(page.next);
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    } finally {
      setLoading(false);
    }
  };
  useEffect(() => void load(null), []);

  if (fault !== '')
    return (
      <Notice tone="fail" title="The receipts could not be read" role="alert">
        <p>{fault}</p>
      </Notice>
    );
  if (next === undefined)
    return (
      <Card>
        <p aria-live="polite">Reading the receipts…</p>
        <div class="skeleton" />
        <div class="skeleton" />
      </Card>
    );
  const count = pages.reduce((sum, { length }) => sum + length, 0);
  if (count === 0 && next === null) return <None onShowAll={onShowAll} />;
  return (
    <>
      <div class="rows">
        {pages.map((receipts, index) => (
          <Rows key={index} receipts={receipts} before={pages.slice(0, index).flat().length} />
        ))}
      </div>
      <p class="hint" role="status">
        {count} receipt{count === 1 ? '' : 's'}
        {next === null ? '' : ' so far'}
      </p>
      {next !== null && <Older busy={loading} onReach={() => void load(next)} />}
    </>
  );
}

interface RowsProps {
  readonly receipts: readonly ListedReceipt[];
  /** How many stand above. */
  readonly before: number;
}

/** One page of the list. Drawn once: a page that follows costs nothing here. */
function Rows({ receipts, before }: RowsProps): JSX.Element {
  return useMemo(
    () => (
      <>
        {partsOf(receipts).map((part, at) => (
          <ul
            key={part[0]?.receipt_id}
            aria-label={nameOf(before + at * PART, part.length)}
            style={{ containIntrinsicBlockSize: `auto ${part.length * ROW_REM}rem` }}
          >
            {part.map((receipt) => (
              <Row key={receipt.receipt_id} receipt={receipt} />
            ))}
          </ul>
        ))}
      </>
    ),
    [receipts, before],
  );
}

/** A screen reader meets each part as a list of its own. */
function nameOf(before: number, count: number): string {
  return `Receipts ${before + 1} to ${before + count}`;
}

function partsOf(receipts: readonly ListedReceipt[]): readonly (readonly ListedReceipt[])[] {
  return Array.from({ length: Math.ceil(receipts.length / PART) }, (_, at) => receipts.slice(at * PART, (at + 1) * PART));
}

function Row({ receipt }: { readonly receipt: ListedReceipt }): JSX.Element {
  const { receipt_id: id, title, task, outcome, served_at: servedAt, log_index: index, state } = receipt;
  const { word, tone } = TASK_LOOKS[outcome];
  const kind = kindWords(task);
  const at = servedAt * 1000;
  const text = (
    <>
      <span class="row-title">{title === task ? kind : title}</span>
      <span class="row-kind">{kind}</span>
      <span class="row-log mono">{index === null ? '' : `#${index}`}</span>
      <Ago class="row-time" at={at} />
      <Badge tone={tone}>{word}</Badge>
    </>
  );
  return (
    <li>
      {state === 'sealed' ? (
        <a class="row-link" href={pathTo(`receipts/${id}`)}>
          {text}
        </a>
      ) : (
        <div class="row-link">{text}</div>
      )}
    </li>
  );
}

/** Goes on by itself when it comes into view; a button all the same, for the keyboard and for short screens. */
function Older({ busy, onReach }: { readonly busy: boolean; readonly onReach: () => void }): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (busy || place.current === null) return;
    const observer = new IntersectionObserver((entries) => entries.some(({ isIntersecting }) => isIntersecting) && onReach(), {
      rootMargin: '400px',
    });
    observer.observe(place.current);
    return () => observer.disconnect();
  }, [busy, onReach]);
  return (
    <div ref={place}>
      <Button disabled={busy} onClick={onReach}>
        {busy ? 'Reading…' : 'Older receipts'}
      </Button>
    </div>
  );
}

/** Shown when no receipt matches the filter. The list is never empty for another reason: the log begins with the first start of the agent. */
function None({ onShowAll }: Pick<ReceiptRowsProps, 'onShowAll'>): JSX.Element {
  return (
    <Card>
      <EmptyState icon="search" title="No receipt matches" action={<Button onClick={onShowAll}>Show all receipts</Button>}>
        Search looks at the title, the kind of work and the ids.
      </EmptyState>
    </Card>
  );
}

function isOutcome(text: string | undefined): text is TaskStatus {
  return text !== undefined && Object.hasOwn(TASK_LOOKS, text);
}
