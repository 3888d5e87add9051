/** What went over the wire in the last turn: numbers, frames with their times, the request, and how to repeat it. */

import { useId, useMemo, useState, useSyncExternalStore, type KeyboardEvent } from 'react';
import { Highlighted } from './code';
import { CopyButton, IconButton } from './controls';
import type { Frame, Recording } from './recorder';
import { absolute, CHAT_API, hasCredentials } from './server';
import type { Session } from './session';
import { bodySnippet, curlSnippet, useChatSnippet, type Snippet as Text } from './snippets';
import type { Metadata } from './types';

const TABS = ['Frames', 'Request', 'Code'] as const;
type Tab = (typeof TABS)[number];
const MOST_ROWS = 400;

interface InspectorProps {
  session: Session;
  /** The metadata of the last answer. */
  metadata: Metadata | undefined;
  model: string | undefined;
  onClose: () => void;
}

export default function Inspector({ session, metadata, model, onClose }: InspectorProps) {
  const [tab, setTab] = useState<Tab>('Frames');
  const id = useId();
  useSyncExternalStore(session.recorder.subscribe, session.recorder.revision);
  const recording = session.recorder.recording;
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const next = TABS[(TABS.indexOf(tab) + step + TABS.length) % TABS.length] ?? tab;
    setTab(next);
    document.getElementById(`${id}-${next}`)?.focus();
  };
  return (
    <>
      <header className="inspector-head">
        <h2>Inspector</h2>
        <span className="spacer" />
        <IconButton icon="close" label="Close the inspector" onClick={onClose} />
      </header>
      <Figures recording={recording} metadata={metadata} />
      <div className="tabs" role="tablist" aria-label="Inspector" onKeyDown={onKeyDown}>
        {TABS.map((name) => (
          <button
            type="button"
            key={name}
            id={`${id}-${name}`}
            role="tab"
            aria-selected={tab === name}
            aria-controls={`${id}-panel`}
            tabIndex={tab === name ? 0 : -1}
            onClick={() => setTab(name)}
          >
            {name}
          </button>
        ))}
      </div>
      <div className="tab-panel" id={`${id}-panel`} role="tabpanel" aria-labelledby={`${id}-${tab}`} tabIndex={0}>
        {tab === 'Frames' ? <Frames recording={recording} /> : null}
        {tab === 'Request' ? <Request recording={recording} /> : null}
        {tab === 'Code' ? <Code recording={recording} model={model} /> : null}
      </div>
    </>
  );
}

function Figures({ recording, metadata }: { recording: Recording | undefined; metadata: Metadata | undefined }) {
  const usage = recording?.endedAt === undefined ? undefined : metadata?.usage;
  const seconds =
    recording?.firstOutputAt !== undefined && recording.lastOutputAt !== undefined
      ? (recording.lastOutputAt - recording.firstOutputAt) / 1000
      : 0;
  const rate = usage?.outputTokens && seconds > 0.05 ? (usage.outputTokens / seconds).toFixed(1) : undefined;
  const figures: [string, string, string][] = [
    ['First token', milliseconds(recording?.firstOutputAt), 'From sending the request to the first piece of the answer, seen from here'],
    ['Duration', milliseconds(recording?.endedAt), 'From sending the request to the end of the answer'],
    ['Tokens / s', rate ?? '–', 'Output tokens between the first and the last piece of the answer'],
    ['Tokens in → out', usage ? `${usage.inputTokens ?? '–'} → ${usage.outputTokens ?? '–'}` : '–', 'Input and output, as the server counted them'],
    ['Frames', recording ? String(recording.frames.length) : '–', 'Server-sent events'],
    ['Size', recording ? size(recording.bytes) : '–', 'Bytes of the answer'],
  ];
  return (
    <dl className="figures">
      {figures.map(([name, value, meaning]) => (
        <div key={name} title={meaning}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A frame, or a run of deltas of one kind. */
interface Row {
  first: Frame;
  count: number;
  last: Frame;
}

function Frames({ recording }: { recording: Recording | undefined }) {
  const [together, setTogether] = useState(true);
  const count = recording?.frames.length ?? 0;
  // The list of frames grows in place: its length says whether it changed.
  const rows = useMemo(() => rowsOf(recording?.frames ?? [], together), [recording, count, together]);
  if (recording === undefined) return <p className="nothing">Ask something, and the frames of the answer are listed here.</p>;
  const shown = rows.slice(-MOST_ROWS);
  return (
    <>
      <div className="frames-bar">
        <span className={`badge ${recording.status === undefined ? 'quiet' : recording.status < 400 ? 'good' : 'bad'}`}>
          {recording.method} {recording.status ?? '…'}
        </span>
        <label className="switch">
          <input type="checkbox" checked={together} onChange={(event) => setTogether(event.target.checked)} />
          <span>Group deltas</span>
        </label>
        <span className="spacer" />
        <CopyButton text={recording.frames.map((frame) => frame.text).join('\n')} label="Copy all frames" words="Copy all" />
      </div>
      {shown.length < rows.length ? <p className="nothing">The last {MOST_ROWS} rows of {rows.length}</p> : null}
      {shown.length ? (
        <>
          <div className="frames-head" aria-hidden="true">
            <span>ms</span>
            <span>Frame</span>
          </div>
          <ol className="frames">
            {shown.map((row, index) => (
              <FrameRow key={rows.length - shown.length + index} row={row} />
            ))}
          </ol>
        </>
      ) : (
        <p className="nothing">{recording.endedAt === undefined ? 'Nothing has come yet.' : 'Nothing came.'}</p>
      )}
    </>
  );
}

function FrameRow({ row }: { row: Row }) {
  const [open, setOpen] = useState(false);
  const { first, last, count } = row;
  return (
    <li className={`frame ${kindOf(first.type)}`}>
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span className="frame-at">{first.at.toFixed(0)}</span>
        <span className="frame-type">{first.type}</span>
        {count > 1 ? <span className="frame-count">× {count}</span> : null}
        <span className="frame-text">{summary(row)}</span>
      </button>
      {open ? (
        <pre tabIndex={0} aria-label={`Frame ${first.type}`}>
          {count > 1 ? `${first.text}\n…\n${last.text}` : first.text || first.type}
        </pre>
      ) : null}
    </li>
  );
}

function rowsOf(frames: Frame[], together: boolean): Row[] {
  const rows: Row[] = [];
  for (const frame of frames) {
    const before = rows[rows.length - 1];
    if (together && before?.first.type === frame.type && frame.type.endsWith('-delta')) {
      before.count += 1;
      before.last = frame;
    } else {
      rows.push({ first: frame, count: 1, last: frame });
    }
  }
  return rows;
}

function summary({ first, last, count }: Row): string {
  if (count > 1) return `until ${last.at.toFixed(0)} ms`;
  return first.text.replace(/^\{"type":"[^"]*",?/, '{').replace(/^\{\}$/, '');
}

function kindOf(type: string): string {
  if (type === 'error' || type === 'problem' || type.includes('error') || type === 'abort') return 'is-bad';
  if (type.startsWith('text')) return 'is-text';
  if (type.startsWith('tool')) return 'is-tool';
  if (type.startsWith('reasoning') || type.startsWith('source')) return 'is-reasoning';
  return 'is-frame';
}

function Request({ recording }: { recording: Recording | undefined }) {
  if (recording === undefined) return <p className="nothing">Nothing was sent yet.</p>;
  return (
    <>
      <dl className="request-head">
        <div>
          <dt>Address</dt>
          <dd>
            {recording.method} {new URL(recording.url).pathname}
          </dd>
        </div>
        <div>
          <dt>Request id</dt>
          <dd>
            {recording.requestId || '–'}
            {recording.requestId ? <CopyButton text={recording.requestId} label="Copy request id" /> : null}
          </dd>
        </div>
        <div>
          <dt>Headers after</dt>
          <dd>{milliseconds(recording.headersAt)}</dd>
        </div>
      </dl>
      {recording.body ? <Snippet title="Body" text={bodySnippet(recording)} language="json" /> : null}
    </>
  );
}

function Code({ recording, model }: { recording: Recording | undefined; model: string | undefined }) {
  const asked = { url: absolute(CHAT_API), model, withCredentials: hasCredentials() };
  return (
    <>
      {recording ? (
        <Snippet title="curl" text={curlSnippet(recording, hasCredentials())} language="bash" />
      ) : (
        <p className="nothing">Ask something, and the curl command that repeats it is here too.</p>
      )}
      <Snippet title="useChat" text={useChatSnippet(recording, asked)} language="typescript" />
    </>
  );
}

function Snippet({ title, text, language }: { title: string; text: Text; language: string }) {
  return (
    <section className="snippet" aria-label={title}>
      <header>
        <h3>{title}</h3>
        <span className="spacer" />
        <CopyButton text={text.whole} label={`Copy ${title}`} words="Copy" />
      </header>
      <pre tabIndex={0} aria-label={title}>
        <Highlighted code={text.short} language={language} />
      </pre>
    </section>
  );
}

function milliseconds(value: number | undefined): string {
  if (value === undefined) return '–';
  return value < 1000 ? `${value.toFixed(0)} ms` : `${(value / 1000).toFixed(2)} s`;
}

function size(bytes: number): string {
  return bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(1)} kB`;
}
