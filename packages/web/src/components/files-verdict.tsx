import type { JSX } from 'preact';
import { concernsTime } from '../state/outcome.ts';
import { QUESTIONS } from '../state/question-words.ts';
import type { FilesVerification, FileVerification } from '../verifier/verification.ts';
import { Badge } from './badge.tsx';
import { Button } from './button.tsx';
import { Card } from './card.tsx';
import { Code } from './code.tsx';
import { ComparisonChart } from './comparison-chart.tsx';
import { Notice } from './notice.tsx';
import { StoryView } from './story.tsx';
import { VerdictChecks, VerdictNotice } from './verdict.tsx';

interface FilesVerdictProps {
  readonly verification: FilesVerification;
  /** Makes a policy from a file that was accepted; left out where one was just made. */
  readonly onPin?: ((file: FileVerification) => void) | undefined;
}

/** The verdict on each piece of evidence among the files, the worst first, and what the other files were taken for. */
export function FilesVerdictView({ verification, onPin }: FilesVerdictProps): JSX.Element {
  const { files, companions: named, unrecognised } = verification;
  const alone = files.filter((file) => isCompanionAlone(file, named));
  const companions = named.filter((name) => !files.some((file) => file.name === name));
  return (
    <div class="stack" data-files-outcome={verification.outcome} aria-live="polite">
      {files
        .filter((file) => !alone.includes(file))
        .map((file) => (
          <FileVerdict key={file.name} file={file} onPin={onPin} />
        ))}
      {alone.length > 0 && <CompanionsAlone names={alone.map(({ name }) => name)} />}
      {companions.length > 0 && (
        <p class="hint">
          Taken as companions: <span class="mono">{companions.join(', ')}</span>
        </p>
      )}
      {unrecognised.length > 0 && files.some(({ verdict }) => verdict.type !== null) && (
        <Notice
          tone="open"
          title={unrecognised.length === 1 ? 'One file has no verdict' : `${unrecognised.length} files have no verdict`}
        >
          <p>
            {unrecognised.length === 1 ? 'It is' : 'They are'} nothing known here, and what was verified may not rest on{' '}
            {unrecognised.length === 1 ? 'it' : 'them'}: <span class="mono">{unrecognised.join(', ')}</span>
          </p>
        </Notice>
      )}
    </div>
  );
}

/** Collateral and certificates are no evidence, and nothing is wrong with them. */
function isCompanionAlone({ name, verdict }: FileVerification, companions: readonly string[]): boolean {
  return verdict.type === null && verdict.outcome === 'malformed' && companions.includes(name);
}

function CompanionsAlone({ names }: { readonly names: readonly string[] }): JSX.Element {
  const one = names.length === 1;
  return (
    <div data-companions-alone={names.length}>
      <Notice
        tone="open"
        title={one ? 'A companion: its evidence is missing' : 'Companions: their evidence is missing'}
        role="status"
      >
        <p>
          <span class="mono">{names.join(', ')}</span> {one ? 'is' : 'are'} what evidence is verified with, such as collateral
          or certificates. Drop the evidence that {one ? 'it belongs' : 'they belong'} to here, too.
        </p>
      </Notice>
    </div>
  );
}

function FileVerdict({ file, onPin }: Pick<FilesVerdictProps, 'onPin'> & { readonly file: FileVerification }): JSX.Element {
  const { name, verdict, stories, claims } = file;
  return (
    <Card>
      <div class="file-name">
        <strong class="mono" data-judged>
          {name}
        </strong>
        <Badge>{verdict.type ?? 'not recognised'}</Badge>
      </div>
      <VerdictNotice verdict={verdict} withReason={false} />
      {concernsTime(verdict) && (
        <p data-time-nudge>
          This is about the time {verdict.at}. To judge the file as of the time at which you received it, set “Verify as of”
          above, under “{QUESTIONS}”.
        </p>
      )}
      {onPin !== undefined && verdict.outcome === 'accepted' && verdict.claims !== undefined && (
        <div class="row">
          <Button small onClick={() => onPin(file)}>
            Pin this software
          </Button>
          <span class="hint">Makes a policy that accepts it and refuses any other.</span>
        </div>
      )}
      <VerdictChecks verdict={verdict} />
      {verdict.type === 'bundle' && 'comparison' in verdict && verdict.comparison !== undefined && (
        <ComparisonChart path={verdict.comparison} />
      )}
      {stories.map((story) => (
        <details key={story.receiptId} open={stories.length === 1}>
          <summary>{story.title}</summary>
          <StoryView story={story} />
        </details>
      ))}
      {claims !== null && (
        <details>
          <summary>Claims</summary>
          <Code text={JSON.stringify(claims, null, 2)} language="json" />
        </details>
      )}
    </Card>
  );
}
