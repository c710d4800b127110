import type { ComponentChildren, JSX } from 'preact';
import { Icon, type IconName } from './icon.tsx';

interface NoticeProps {
  readonly tone: 'pass' | 'fail' | 'open' | 'plain';
  readonly title: string;
  /** `alert` interrupts screen readers, `status` waits; none when the notice was there from the start. */
  readonly role?: 'alert' | 'status' | undefined;
  readonly children?: ComponentChildren;
}

const ICONS: Readonly<Record<NoticeProps['tone'], IconName>> = {
  pass: 'check-circle',
  fail: 'x-circle',
  open: 'alert',
  plain: 'book',
};

/** One thing to know, in the colour of its outcome, with what to do about it. */
export function Notice({ tone, title, role, children }: NoticeProps): JSX.Element {
  return (
    <div class={`notice is-${tone}`} role={role} data-tone={tone}>
      <Icon name={ICONS[tone]} />
      <div class="notice-body">
        <p class="notice-title">{title}</p>
        {children}
      </div>
    </div>
  );
}
