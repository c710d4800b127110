import type { Audit } from '@assay/contracts';
import type { RunResult } from 'assay';
import type { AttestedBuild } from 'assay/contracts';
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { AnnotatedSource } from '../components/annotated-source.tsx';
import { Badge } from '../components/badge.tsx';
import { BundleCheck } from '../components/bundle-check.tsx';
import { Button, ButtonLink } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { type ClaimedFindings, ClaimedFindingsCard } from '../components/claimed-findings.tsx';
import { CompareDeployed } from '../components/compare-deployed.tsx';
import { CopyButton } from '../components/copy-button.tsx';
import { Download } from '../components/download.tsx';
import { Elapsed } from '../components/elapsed.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { Findings } from '../components/findings.tsx';
import { Hash } from '../components/hash.tsx';
import { type LintMember, LintRemarks } from '../components/lint-remarks.tsx';
import { Notice } from '../components/notice.tsx';
import { Output } from '../components/output.tsx';
import { Page } from '../components/page.tsx';
import { TaskResultView } from '../components/task-result.tsx';
import { Obstacle } from '../shell/gate.tsx';
import type { PageProps } from '../shell/pages.ts';
import { pathTo } from '../state/base.ts';
import { useConnection } from '../state/connection.ts';
import { type FollowedTask, useFollowedTask } from '../state/followed-task.ts';
import { END_WORDS, isActive, kindWords, stageWords, statusIn, TASK_LOOKS } from '../state/task-words.ts';
import { printable } from '../state/text-safety.ts';

/** One audit or build: its progress, its findings in the source, its code against a chain, its files. */
export function ContractPage({ params }: PageProps): JSX.Element {
  const id = params?.id ?? '';
  const connection = useConnection();
  const agent = connection.state === 'verified' ? connection.agent : null;
  const task = useFollowedTask(agent, id);
  const { summary, progress } = task;
  const active = summary !== null && isActive(summary.status);
  return (
    <Page
      title={summary === null ? 'Contracts' : kindWords(summary.type)}
      lead={<Lead task={task} />}
      actions={
        agent !== null && active ? (
          <Button icon="close" onClick={() => void agent.tasks.cancel(id).catch(() => undefined)}>
            Cancel
          </Button>
        ) : (
          <ButtonLink href={pathTo('contracts')} icon="upload">
            Other sources
          </ButtonLink>
        )
      }
    >
      {connection.state !== 'verified' && <Obstacle connection={connection} />}
      {task.state === 'missing' && (
        <Card>
          <EmptyState
            icon="search"
            title="No work has this id"
            action={<ButtonLink href={pathTo('contracts')}>Contracts</ButtonLink>}
          >
            This agent does not know <code>{printable(id).slice(0, 80)}</code>, or it belongs to another key.
          </EmptyState>
        </Card>
      )}
      {task.state === 'lost-line' && (
        <Notice tone="open" title="The connection broke" role="status">
          <p>{task.fault}. The work goes on; this page attaches again by itself.</p>
        </Notice>
      )}
      {(task.state === 'following' || task.state === 'reading') && progress.end === null && agent !== null && (
        <div class="stage" data-stage={progress.stage} role="status">
          <span class="dot is-active" aria-hidden="true" />
          <span>{progress.stage === 'running' ? 'Compiling and analysing' : stageWords(progress)}</span>
        </div>
      )}
      <Ending task={task} />
      {task.result !== null && <Result result={task.result} />}
    </Page>
  );
}

function Lead({ task }: { readonly task: FollowedTask }): JSX.Element {
  const { summary, progress, readAt } = task;
  const status = statusIn(progress) ?? summary?.status;
  return (
    <span class="row task-lead">
      <a href={pathTo('contracts')}>Contracts</a>
      {status !== undefined && (
        <span data-task-status={status}>
          <Badge tone={TASK_LOOKS[status].tone}>{TASK_LOOKS[status].word}</Badge>
        </span>
      )}
      {summary !== null && <Elapsed ms={summary.elapsed_ms} readAt={readAt} running={isActive(summary.status)} />}
      <CopyButton text={location.href} what="link to this work" />
    </span>
  );
}

/** Why there is no result; compilers' messages as they were printed. */
function Ending({ task }: { readonly task: FollowedTask }): JSX.Element | null {
  const { progress, result, fault } = task;
  const { end } = progress;
  if (end === null) return null;
  if (fault !== '' && result === null)
    return (
      <Notice tone="fail" title="The result could not be verified" role="alert">
        <p>{fault}</p>
      </Notice>
    );
  // Findings that fail the rule are a result: it says so itself.
  if (end.code === null || end.code === 'contract/findings') return null;
  return (
    <Notice tone={end.status === 'failed' ? 'fail' : 'open'} title={TASK_LOOKS[end.status].word} role="status">
      <p>
        {END_WORDS[end.code] ?? ''} <code>{end.code}</code>
      </p>
      {result !== null && result.outcome !== 'succeeded' && (
        <Output text={result.error.message} label="Messages" live={false} />
      )}
    </Notice>
  );
}

function Result({ result }: { readonly result: RunResult }): JSX.Element {
  const build = useBuild(result);
  const audit = (result.answer.audit ?? null) as unknown as Audit | null;
  const claims = (result.answer.claims ?? null) as unknown as ClaimedFindings | null;
  const lint = (result.answer.lint ?? null) as unknown as LintMember | null;
  const files = Object.entries(result.files);
  const sarif = files.find(([path]) => path.endsWith('.sarif'))?.[1];
  return (
    <>
      {audit !== null && <AuditNotice audit={audit} />}
      {build !== null && <BuildFacts build={build} />}
      {audit !== null && <Findings audit={audit} />}
      {lint !== null && <LintRemarks lint={lint} />}
      {claims !== null && <ClaimedFindingsCard claims={claims} receiptId={result.receipt.receipt_id} />}
      {build !== null && audit !== null && <Sources build={build} audit={audit} />}
      {build !== null && <CompareDeployed build={build} simulated={result.verdict.simulated} />}
      {audit !== null && (
        <div class="row">
          <Download name="audit.json" content={() => JSON.stringify(audit, null, 2)}>
            audit.json
          </Download>
          {sarif !== undefined && (
            <Download name="report.sarif" content={() => sarif as BlobPart}>
              report.sarif
            </Download>
          )}
        </div>
      )}
      <TaskResultView result={result} />
      <BundleCheck bundle={result.bundle} />
    </>
  );
}

/** The build of the verified bundle; `null` until it was read, and for work that built nothing. */
function useBuild(result: RunResult): AttestedBuild | null {
  const [build, setBuild] = useState<AttestedBuild | null>(null);
  useEffect(() => {
    let current = true;
    void import('../contracts/index.ts').then(({ buildOf }) => {
      try {
        if (current) setBuild(buildOf(result.verdict.receipts));
      } catch {
        // Sources that did not compile: the ending says so.
      }
    });
    return () => {
      current = false;
    };
  }, [result]);
  return build;
}

function AuditNotice({ audit }: { readonly audit: Audit }): JSX.Element {
  const { passed, failing, policy, analyzer, uncounted } = audit;
  return (
    <div data-passed={passed}>
      <Notice
        tone={passed ? 'pass' : 'fail'}
        title={passed ? 'Passed the rule' : `Failed the rule: ${failing} finding${failing === 1 ? '' : 's'}`}
        role="status"
      >
        <p>
          Rule “{policy}”, {printable(analyzer.name)} {printable(analyzer.version)}.
          {uncounted > 0 ? ` ${uncounted} of High or Medium impact did not count.` : ''} Tools find known patterns; no finding
          is no proof.
        </p>
      </Notice>
    </div>
  );
}

function BuildFacts({ build }: { readonly build: AttestedBuild }): JSX.Element {
  return (
    <Card title="Build">
      <dl class="facts">
        <dt>Compiler</dt>
        <dd>{build.compiler.version}</dd>
        <dt>Contracts</dt>
        <dd>{build.artifacts.map(({ name }) => printable(name)).join(', ')}</dd>
        <dt>Build hash</dt>
        <dd>
          <Hash value={build.buildHash} what="build hash" />
        </dd>
      </dl>
    </Card>
  );
}

function Sources({ build, audit }: { readonly build: AttestedBuild; readonly audit: Audit }): JSX.Element {
  return (
    <Card title="Sources">
      {Object.entries(build.input.sources).map(([name, source]) => (
        <AnnotatedSource key={name} name={name} text={source} findings={audit.findings} />
      ))}
    </Card>
  );
}
