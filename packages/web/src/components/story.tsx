import type { Story, StoryKind, StoryStep } from 'assay/story';
import type { JSX } from 'preact';
import { Code } from './code.tsx';
import { Hash } from './hash.tsx';
import { Icon, type IconName } from './icon.tsx';

const ICONS: Readonly<Record<StoryKind, IconName>> = {
  asked: 'chat',
  model: 'model',
  review: 'search',
  code: 'code',
  ran: 'play',
  file: 'file',
  network: 'network',
  tool: 'plug',
  contract: 'book',
  change: 'key',
  decision: 'shield',
  transaction: 'link',
  finished: 'check-circle',
  failed: 'x-circle',
  cancelled: 'close',
  answered: 'send',
  sealed: 'lock',
  logged: 'list',
  event: 'circle',
};
const LONG = 40; // characters from which a value is shown as a hash is

/** A receipt told in steps, each with its texts and, folded, everything that was signed about it. */
export function StoryView({ story }: { readonly story: Story }): JSX.Element {
  return (
    <ol class="timeline" aria-label="What happened">
      {story.steps.map((step, index) => (
        <li key={index} class={`is-${step.tone}`} data-story={step.kind}>
          <Icon name={ICONS[step.kind]} />
          <strong>{step.attempt !== null && step.attempt > 1 ? `${step.title}, attempt ${step.attempt}` : step.title}</strong>
          {step.text !== '' && <p>{step.text}</p>}
          {step.quotes.map(({ label, text, language, folded }) => (
            <details key={label} open={!folded}>
              <summary>{label}</summary>
              <Code text={text} language={language} />
            </details>
          ))}
          <Signed members={step.members} />
        </li>
      ))}
    </ol>
  );
}

function Signed({ members }: Pick<StoryStep, 'members'>): JSX.Element | null {
  if (members.length === 0) return null;
  return (
    <details class="signed">
      <summary>Signed details</summary>
      <dl class="facts">
        {members.map(([name, value]) => (
          <>
            <dt key={name}>{name.replaceAll('_', ' ')}</dt>
            <dd>{value.length > LONG ? <Hash value={value} what={name.replaceAll('_', ' ')} /> : <code>{value}</code>}</dd>
          </>
        ))}
      </dl>
    </details>
  );
}
