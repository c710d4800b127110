import type { Agent } from 'assay';
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Badge } from '../components/badge.tsx';
import { Button } from '../components/button.tsx';
import { Download } from '../components/download.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { Markdown } from '../components/markdown.tsx';
import { ModelOffer } from '../components/model-offer.tsx';
import { Notice } from '../components/notice.tsx';
import { Page } from '../components/page.tsx';
import { Gate } from '../shell/gate.tsx';
import type { AgentStatus } from '../state/agent-reader.ts';
import { pathTo } from '../state/base.ts';
import { ask, newConversation, stopAnswer, type Turn, useConversation } from '../state/conversation.ts';

/** A conversation in which nothing leaves the browser before it has verified the agent, and then only sealed to the attested key. */
export function ChatPage(): JSX.Element {
  const turns = useConversation();
  return (
    <Page
      title="Ask"
      lead="Questions leave this browser sealed to the attested key. Every answer comes with its proof."
      actions={
        turns.length > 0 && (
          <Button icon="chat" onClick={newConversation}>
            New conversation
          </Button>
        )
      }
    >
      <Gate>{({ agent, status }) => <Chat agent={agent} status={status} turns={turns} />}</Gate>
    </Page>
  );
}

interface ChatProps {
  readonly agent: Agent;
  readonly status: AgentStatus;
  readonly turns: readonly Turn[];
}

function Chat({ agent, status, turns }: ChatProps): JSX.Element {
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => end.current?.scrollIntoView({ block: 'end' }), [turns.length]);
  const busy = turns.at(-1)?.state === 'answering';
  return (
    <div class="chat">
      <ModelOffer agent={agent} status={status} wants="words" onDemo={({ description }) => void ask(agent, description)} />
      {turns.length === 0 && (
        <EmptyState icon="chat" title="Ask the model">
          The question goes to the model of this agent. The receipt of each answer names exactly what was asked and answered.
        </EmptyState>
      )}
      <ol class="turns" aria-label="Conversation">
        {turns.map((turn) => (
          <li key={turn.id} class="turn">
            <p class="question">{turn.question}</p>
            <Answer turn={turn} simulated={status.tee.simulated} />
          </li>
        ))}
      </ol>
      <Composer busy={busy} onAsk={(question) => void ask(agent, question)} />
      <div ref={end} />
    </div>
  );
}

function Answer({ turn, simulated }: { readonly turn: Turn; readonly simulated: boolean }): JSX.Element {
  const { answer, state, fault, receipt, proof } = turn;
  return (
    <div class="stack-sm" data-state={state}>
      <div data-answer aria-busy={state === 'answering'}>
        {answer === '' && state === 'answering' ? <div class="skeleton" /> : <Markdown text={answer} />}
      </div>
      <div aria-live="polite">
        {state === 'answering' && <span class="hidden">The model answers.</span>}
        {(state === 'failed' || state === 'stopped') && (
          <Notice
            tone={state === 'failed' ? 'fail' : 'open'}
            title={state === 'failed' ? 'No answer that can be relied on' : 'Stopped'}
          >
            <p>{fault}</p>
          </Notice>
        )}
        {state === 'proved' && receipt !== null && (
          <div class="row proof">
            <Badge tone={simulated ? 'open' : 'pass'}>{simulated ? 'Verified, simulated hardware' : 'Verified'}</Badge>
            <a href={pathTo(`receipts/${receipt.receipt_id}`)} data-receipt={receipt.receipt_id}>
              Receipt
            </a>
            {proof !== null && (
              <Download name={`${receipt.receipt_id}.proof.json`} content={() => proof.encode() as BlobPart}>
                Proof
              </Download>
            )}
          </div>
        )}
      </div>
    </div>
  );
}

/** Enter sends, Shift + Enter makes a new line; while text is composed (Japanese, Chinese, Korean), Enter belongs to that. */
function Composer({ busy, onAsk }: { readonly busy: boolean; readonly onAsk: (question: string) => void }): JSX.Element {
  const [question, setQuestion] = useState('');
  const send = (): void => {
    if (busy || question.trim() === '') return;
    onAsk(question.trim());
    setQuestion('');
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <label class="hidden" for="question">
        Question
      </label>
      <textarea
        id="question"
        class="input"
        rows={2}
        placeholder="What does a receipt prove?"
        aria-describedby="question-hint"
        value={question}
        onInput={(event) => setQuestion(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          send();
        }}
      />
      <div class="row-apart">
        <span class="hint" id="question-hint">
          <kbd>Enter</kbd> sends, <kbd>Shift</kbd> + <kbd>Enter</kbd> breaks the line
        </span>
        {busy ? (
          <Button icon="close" onClick={stopAnswer}>
            Stop
          </Button>
        ) : (
          <Button type="submit" kind="primary" icon="lock" disabled={question.trim() === ''}>
            Ask, sealed
          </Button>
        )}
      </div>
    </form>
  );
}
