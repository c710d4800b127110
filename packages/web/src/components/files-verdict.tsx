import type { JSX } from 'preact';
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
  const { files, companions, unrecognised } = verification;
  return (
    <div class="stack" data-files-outcome={verification.outcome} aria-live="polite">
      {files.map((file) => (
        <FileVerdict key={file.name} file={file} onPin={onPin} />
      ))}
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
