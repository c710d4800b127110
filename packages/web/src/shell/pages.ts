/** The pages of the console: a row each. Their code is loaded when they are opened. */

import type { ComponentType } from 'preact';
import lazy from 'preact-iso/lazy';
import type { IconName } from '../components/icon.tsx';

/** What a page with a parameter in its path gets: `/receipts/:id` → `{ id }`. */
export interface PageProps {
  readonly params?: Readonly<Record<string, string>>;
}

interface PageRow {
  /** Pattern below the base, with `:name` for a parameter. */
  readonly path: string;
  readonly component: ComponentType<PageProps>;
  /** Present for pages that the navigation lists. */
  readonly nav?: {
    readonly title: string;
    readonly icon: IconName;
    /** On phones behind “More”. */
    readonly more?: boolean;
  };
}

export const PAGES: readonly PageRow[] = [
  {
    path: 'developer',
    component: lazy(async () => (await import('../pages/developer.tsx')).DeveloperPage),
    nav: { title: 'Run', icon: 'play' },
  },
  {
    path: 'tasks',
    component: lazy(async () => (await import('../pages/tasks.tsx')).TasksPage),
    nav: { title: 'Tasks', icon: 'list' },
  },
  { path: 'tasks/new', component: lazy(async () => (await import('../pages/new-task.tsx')).NewTaskPage) },
  { path: 'tasks/:id', component: lazy(async () => (await import('../pages/task.tsx')).TaskPage) },
  {
    path: 'chat',
    component: lazy(async () => (await import('../pages/chat.tsx')).ChatPage),
    nav: { title: 'Ask', icon: 'chat' },
  },
  {
    path: 'receipts',
    component: lazy(async () => (await import('../pages/receipts.tsx')).ReceiptsPage),
    nav: { title: 'Receipts', icon: 'receipt' },
  },
  { path: 'receipts/:id', component: lazy(async () => (await import('../pages/receipt.tsx')).ReceiptPage) },
  {
    path: 'verify',
    component: lazy(async () => (await import('../pages/verify.tsx')).VerifyPage),
    nav: { title: 'Verify', icon: 'shield' },
  },
  // The page as a file of its own, for plain file servers.
  { path: 'verify.html', component: lazy(async () => (await import('../pages/verify.tsx')).VerifyPage) },
  // What `assay compare --live` serves; no agent has it.
  { path: 'comparison.html', component: lazy(async () => (await import('../pages/comparison.tsx')).ComparisonPage) },
  {
    path: 'contracts',
    component: lazy(async () => (await import('../pages/contracts.tsx')).ContractsPage),
    nav: { title: 'Contracts', icon: 'book', more: true },
  },
  { path: 'contracts/:id', component: lazy(async () => (await import('../pages/contract.tsx')).ContractPage) },
  {
    path: 'owners',
    component: lazy(async () => (await import('../pages/owners.tsx')).OwnersPage),
    nav: { title: 'Owners', icon: 'key', more: true },
  },
  {
    path: 'status',
    component: lazy(async () => (await import('../pages/status.tsx')).StatusPage),
    nav: { title: 'Status', icon: 'pulse', more: true },
  },
];
